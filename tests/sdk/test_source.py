"""The archive of the user's code."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from ironworks.errors import ClientError
from ironworks.sdk.source import Source
from tests.sdk.recorder import Recorder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    for name in ("train.py", "package/part.py", "package/__pycache__/part.pyc", ".git/HEAD"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def members(source: Source, tmp_path: Path) -> list[str]:
    source.write(tmp_path / "archive.tar.gz")
    with tarfile.open(tmp_path / "archive.tar.gz") as tar:
        return sorted(member.name for member in tar if member.isfile())


def test_a_script_alone_lies_at_the_root(project: Path, tmp_path: Path) -> None:
    source = Source(str(project / "train.py"))
    assert source.program == "train.py"
    assert members(source, tmp_path) == ["train.py"]


def test_a_folder_is_sent_whole_without_what_tools_leave_in_it(project: Path, tmp_path: Path) -> None:
    source = Source("package/part.py", str(project))
    assert source.program == "package/part.py"
    assert members(source, tmp_path) == ["package/part.py", "train.py"]


def test_dependencies_lie_beside_the_script(project: Path, tmp_path: Path) -> None:
    source = Source(str(project / "train.py"), dependencies=(str(project / "package"),))
    assert members(source, tmp_path) == ["package/part.py", "train.py"]


def test_an_archive_in_the_store_is_not_sent_again(tmp_path: Path) -> None:
    session = Recorder()
    source = Source("train.py", "s3://bucket/code.tar.gz")
    assert source.upload(session, "s3://bucket/other") is source
    session.objects["s3://bucket/code.tar.gz"] = b"archive"
    source.fetch(session, tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == b"archive"


def test_what_was_uploaded_is_known_by_its_uri(project: Path) -> None:
    session = Recorder()
    stored = Source(str(project / "train.py")).upload(session, "s3://bucket/sourcedir.tar.gz")
    assert stored == Source("train.py", "s3://bucket/sourcedir.tar.gz")
    assert list(session.objects) == ["s3://bucket/sourcedir.tar.gz"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("missing.py",), "There is no script missing.py"),
        (("missing.py", "."), "There is no script missing.py"),
        (("/absolute.py", "."), "give its path within that"),
    ],
)
def test_a_script_that_is_not_there_is_refused(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(ClientError, match=message):
        Source(*arguments).check()


def test_a_dependency_that_is_not_there_is_refused(project: Path) -> None:
    with pytest.raises(ClientError, match="There is no /no/where, which dependencies names"):
        Source(str(project / "train.py"), dependencies=("/no/where",)).check()
