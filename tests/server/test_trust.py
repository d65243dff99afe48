import stat
from pathlib import Path

import pytest

from ironworks.server.trust import replace, write_bundle

ROOT = "-----BEGIN CERTIFICATE-----\nroot\n-----END CERTIFICATE-----\n"
OTHER = "-----BEGIN CERTIFICATE-----\nother\n-----END CERTIFICATE-----"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_text("own\n")
    return path


def test_a_bundle_is_the_roots_and_the_authority(tmp_path: Path, own: Path) -> None:
    (tmp_path / "roots").write_text(OTHER)
    write_bundle(tmp_path / "roots", own, tmp_path / "bundle")
    assert (tmp_path / "bundle").read_text() == OTHER + "\nown\n"


def test_a_folder_of_roots_is_taken_once_each(tmp_path: Path, own: Path) -> None:
    folder = tmp_path / "certs"
    folder.mkdir()
    (folder / "a.pem").write_text(ROOT)
    (folder / "5ed36f99.0").symlink_to("a.pem")
    (folder / "README").write_text("no certificate")
    write_bundle(folder, own, tmp_path / "bundle")
    assert (tmp_path / "bundle").read_text() == ROOT + "own\n"


def test_an_unchanged_bundle_is_not_written(tmp_path: Path, own: Path) -> None:
    (tmp_path / "roots").write_text(ROOT)
    write_bundle(tmp_path / "roots", own, tmp_path / "bundle")
    inode = (tmp_path / "bundle").stat().st_ino
    write_bundle(tmp_path / "roots", own, tmp_path / "bundle")
    assert (tmp_path / "bundle").stat().st_ino == inode


def test_missing_roots_are_an_error(tmp_path: Path, own: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_bundle(tmp_path / "none", own, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_a_file_is_replaced_with_its_mode_and_nothing_is_left(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")
    replace(target, b"new", mode=0o600)
    assert target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [target]


def test_a_replacement_that_fails_leaves_the_old(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    (target / "in the way").mkdir(parents=True)
    with pytest.raises(OSError, match="folder"):
        replace(target, b"new")
    assert list(tmp_path.iterdir()) == [target]
