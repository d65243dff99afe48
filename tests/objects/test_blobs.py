from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest

from ironworks.objects import Expected
from ironworks.objects.blobs import PARALLEL, WRITE_BACK, Blobs
from ironworks.objects.entries import UNCHECKED
from ironworks.objects.errors import BadDigest, IncompleteBody


def test_blob_is_named_by_its_sha256(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    with blobs.receive(["SHA256", "CRC32"]) as blob:
        blob.write(b"hello ")
        blob.write(b"world")
        sealed = blob.seal(Expected(size=11))
        blob.keep(sealed)
    assert sealed.name == hashlib.sha256(b"hello world").hexdigest()
    assert sealed.md5 == hashlib.md5(b"hello world").hexdigest()
    assert sealed.checksums["CRC32"] == "DUoRhQ=="
    assert blobs.path(sealed.name).read_bytes() == b"hello world"
    assert list(blobs.names()) == [sealed.name]


def test_large_buffers_are_hashed_alike(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    data = os.urandom(PARALLEL)
    with blobs.receive(["MD5"]) as blob:
        for _ in range(WRITE_BACK // PARALLEL + 1):
            blob.write(data)
        sealed = blob.seal(UNCHECKED)
    whole = data * (WRITE_BACK // PARALLEL + 1)
    assert (sealed.name, sealed.md5) == (hashlib.sha256(whole).hexdigest(), hashlib.md5(whole).hexdigest())


@pytest.mark.parametrize(
    ("expected", "error"),
    [
        (Expected(size=4), IncompleteBody),
        (Expected(md5="1B2M2Y8AsgTpgAmY7PhCfg=="), BadDigest),
        (Expected(checksums={"CRC32": "AAAAAA=="}), BadDigest),
    ],
)
def test_what_is_not_as_expected_leaves_nothing(
    tmp_path: Path, expected: Expected, error: type[Exception]
) -> None:
    blobs = Blobs(tmp_path)
    with pytest.raises(error), blobs.receive(["CRC32"]) as blob:
        blob.write(b"12345")
        blob.seal(expected)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_files_of_dead_writers_are_removed_and_those_of_live_ones_kept(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    (tmp_path / "incoming" / "dead").write_bytes(b"half an object")
    with blobs.receive() as blob:
        blob.write(b"still coming")
        assert Blobs(tmp_path).remove_abandoned() == 1
        sealed = blob.seal(UNCHECKED)
        blob.keep(sealed)
    assert blobs.path(sealed.name).read_bytes() == b"still coming"


def test_blob_is_on_the_disk_before_it_has_its_name_and_the_name_before_the_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Blobs(tmp_path)
    steps: list[str] = []
    sync, replace = os.fsync, Path.replace

    def synced(file: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(file).st_mode) else "bytes")
        sync(file)

    def named(path: Path, target: Path) -> Path:
        steps.append("name")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", named)
    for _ in range(
        2
    ):  # also when the blob is there already: its writer may have died before the folder's sync
        with store.receive() as blob:
            blob.write(b"data")
            blob.keep(blob.seal(Expected()))
    assert steps == ["bytes", "name", "folder"] * 2
