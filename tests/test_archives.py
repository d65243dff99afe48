"""Archives as users make them, and as nobody should."""

from __future__ import annotations

import errno
import io
import os
import tarfile
from pathlib import Path

import pytest

from ironworks.archives import extract, pack
from ironworks.errors import ClientError

FILE, LINK, HARD = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE


def write(path: Path, *members: tuple[str, bytes, str], mode: str = "w") -> Path:
    """An archive of (name, type, link) with one byte in each file."""
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, kind, link in members:
            item = tarfile.TarInfo(name)
            item.type, item.linkname, item.size = kind, link, int(kind == FILE)
            tar.addfile(item, io.BytesIO(b"x"))
    return path


def test_what_was_packed_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "in" / "code").mkdir(parents=True)
    (tmp_path / "in" / "code" / "a.py").write_text("1")
    pack(tmp_path / "in", tmp_path / "x.tar.gz")
    extract(tmp_path / "x.tar.gz", tmp_path / "out", "x")
    assert (tmp_path / "out" / "code" / "a.py").read_text() == "1"


@pytest.mark.parametrize(
    "members",
    [
        [("a", FILE, ""), ("a/b", FILE, "")],
        [("a/b", FILE, ""), ("a", FILE, "")],
        [("n" * 300, FILE, "")],
        [("a", HARD, "nowhere")],
        [("a", LINK, "a"), ("a", FILE, "")],
    ],
    ids=["file as folder", "folder as file", "long name", "link to nothing", "link to itself"],
)
def test_members_that_cannot_be_files_of_one_folder_are_refused(
    tmp_path: Path, members: list[tuple[str, bytes, str]]
) -> None:
    archive = write(tmp_path / "x.tar", *members)
    with pytest.raises(ClientError, match="s3://b/x.tar is not a readable tar archive .*Make it anew"):
        extract(archive, tmp_path / "out", "s3://b/x.tar")


@pytest.mark.parametrize(
    "member", [("/etc/x", FILE, ""), ("../x", FILE, ""), ("a", LINK, "/etc/passwd"), ("a", LINK, "../../x")]
)
def test_members_outside_are_refused_or_kept_inside(tmp_path: Path, member: tuple[str, bytes, str]) -> None:
    archive = write(tmp_path / "x.tar", member)
    if member[0] == "/etc/x":  # an absolute name counts from the folder, as tar has it
        extract(archive, tmp_path / "out", "x")
        assert (tmp_path / "out" / "etc" / "x").is_file()
    else:
        with pytest.raises(ClientError, match="would be written outside"):
            extract(archive, tmp_path / "out", "x")
    assert {path.name for path in tmp_path.iterdir()} <= {"x.tar", "out"}


@pytest.mark.parametrize("compression", ["gz", "bz2", "xz"])
def test_data_damaged_in_the_middle_is_refused(tmp_path: Path, compression: str) -> None:
    archive = tmp_path / "x"
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "noise").write_bytes(bytes(index * index % 251 for index in range(200_000)))
    with tarfile.open(archive, f"w:{compression}") as tar:  # type: ignore[call-overload]
        tar.add(tmp_path / "in" / "noise", "noise")
    data = bytearray(archive.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 8] = b"\xff" * 8
    archive.write_bytes(data)
    with pytest.raises(ClientError, match="is not a readable tar archive"):
        extract(archive, tmp_path / "out", "x")


@pytest.mark.parametrize("compression", ["gz", "bz2", "xz"])
def test_a_wrong_checksum_behind_the_last_member_is_refused(tmp_path: Path, compression: str) -> None:
    archive = tmp_path / "x"
    (tmp_path / "file").write_bytes(b"weights")
    with tarfile.open(archive, f"w:{compression}") as tar:  # type: ignore[call-overload]
        tar.add(tmp_path / "file", "file")
    data = bytearray(archive.read_bytes())
    data[-6] ^= 1
    archive.write_bytes(data)
    with pytest.raises(ClientError, match="is not a readable tar archive"):
        extract(archive, tmp_path / "out", "x")


def test_a_full_disk_is_not_the_archives_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    archive = write(tmp_path / "x.tar", ("a", FILE, ""))
    monkeypatch.setattr(tarfile.TarFile, "extract", fail)
    with pytest.raises(OSError, match="No space left"):
        extract(archive, tmp_path / "out", "x")


@pytest.mark.parametrize(("content", "smaller"), [(bytes(1 << 20), True), (os.urandom(1 << 20), False)])
def test_only_what_gets_smaller_is_compressed(tmp_path: Path, content: bytes, smaller: bool) -> None:
    folder, archive = tmp_path / "in", tmp_path / "x.tar.gz"
    folder.mkdir()
    (folder / "weights").write_bytes(content)
    (folder / "note").write_bytes(b"small")
    pack(folder, archive)
    assert (archive.stat().st_size < len(content) // 2) is smaller
    extract(archive, tmp_path / "out", "x")
    assert (tmp_path / "out" / "weights").read_bytes() == content


def test_an_empty_folder_is_packed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    pack(tmp_path / "in", tmp_path / "x.tar.gz")
    extract(tmp_path / "x.tar.gz", tmp_path / "out", "x")
    assert list((tmp_path / "out").iterdir()) == []
