from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from ironworks.home import Home
from ironworks.objects import Attributes, CompletedPart, Completion, Condition, LocalObjects
from ironworks.objects.errors import (
    BadDigest,
    DamagedStore,
    EntityTooSmall,
    InvalidPart,
    InvalidPartOrder,
    InvalidRequest,
    NoSuchUpload,
    PreconditionFailed,
)
from ironworks.objects.uploads import SMALLEST_PART

FIRST, LAST = os.urandom(SMALLEST_PART), b"the end"


def begin(
    store: LocalObjects, *parts: bytes, algorithm: str | None = None
) -> tuple[str, list[CompletedPart]]:
    upload = store.uploads.create("bucket", "key", Attributes(metadata={"a": "1"}), algorithm)
    return upload.id, [add(store, upload.id, number, part) for number, part in enumerate(parts, 1)]


def add(store: LocalObjects, upload: str, number: int, data: bytes) -> CompletedPart:
    with store.uploads.writer("bucket", "key", upload, number) as writer:
        writer.write(data)
        part = writer.commit()
    return CompletedPart(number, part.etag)


def files(home: Home) -> list[Path]:
    return [path for path in home.objects.rglob("*") if path.is_file()]


def test_completed_object_is_its_parts_in_a_row(store: LocalObjects) -> None:
    upload, parts = begin(store, FIRST, LAST)
    info = store.uploads.complete("bucket", "key", upload, Completion(parts))
    md5s = hashlib.md5(FIRST).digest() + hashlib.md5(LAST).digest()
    assert info.etag == f"{hashlib.md5(md5s).hexdigest()}-2"
    assert (info.size, info.parts, info.attributes.metadata) == (len(FIRST) + len(LAST), 2, {"a": "1"})
    with store.open("bucket", "key") as reader:
        assert b"".join(reader.chunks()) == FIRST + LAST
        assert b"".join(reader.chunks(len(FIRST) - 3, len(FIRST) + 3)) == FIRST[-3:] + LAST[:3]
        assert reader.part_span(2) == (len(FIRST), len(FIRST) + len(LAST))
        assert reader.part_span(3) is None
    assert store.uploads.list("bucket") == []


def test_completion_that_is_sent_again_gets_the_same_answer(store: LocalObjects) -> None:
    upload, parts = begin(store, LAST)
    first = store.uploads.complete("bucket", "key", upload, Completion(parts))
    assert store.uploads.complete("bucket", "key", upload, Completion(parts)) == first


def test_parts_that_are_replaced_or_not_listed_are_dropped(store: LocalObjects, home: Home) -> None:
    upload, _ = begin(store, b"old", b"kept", b"not listed")
    second = add(store, upload, 2, b"new")
    store.uploads.complete("bucket", "key", upload, Completion([second]))
    with store.open("bucket", "key") as reader:
        assert b"".join(reader.chunks()) == b"new"
    assert len(files(home)) == 1


def test_aborted_upload_leaves_nothing(store: LocalObjects, home: Home) -> None:
    upload, parts = begin(store, b"part")
    store.uploads.abort("bucket", "key", upload)
    assert files(home) == []
    for operation in (
        lambda: store.uploads.abort("bucket", "key", upload),
        lambda: store.uploads.parts("bucket", "key", upload),
        lambda: store.uploads.writer("bucket", "key", upload, 1),
        lambda: store.uploads.complete("bucket", "key", upload, Completion(parts)),
    ):
        with pytest.raises(NoSuchUpload, match=upload):
            operation()


def test_part_that_arrives_after_the_abort_is_not_kept(store: LocalObjects, home: Home) -> None:
    upload, _ = begin(store)
    with pytest.raises(NoSuchUpload), store.uploads.writer("bucket", "key", upload, 1) as writer:
        writer.write(b"late")
        store.uploads.abort("bucket", "key", upload)
        writer.commit()
    assert files(home) == []


def test_upload_belongs_to_its_key(store: LocalObjects) -> None:
    upload, _ = begin(store)
    with pytest.raises(NoSuchUpload):
        store.uploads.parts("bucket", "another", upload)


def test_wrong_completions_are_refused_and_change_nothing(store: LocalObjects) -> None:
    upload, (first, second, third) = begin(store, FIRST, b"small", LAST)
    for completion, error in (
        (Completion([]), InvalidRequest),
        (Completion([second, first]), InvalidPartOrder),
        (Completion([first, first]), InvalidPartOrder),
        (Completion([CompletedPart(1, second.etag)]), InvalidPart),
        (Completion([first, CompletedPart(9, first.etag)]), InvalidPart),
        (Completion([first, second, third]), EntityTooSmall),
        (Completion([first, third], size=1), InvalidRequest),
        (Completion([first, third], checksums={"CRC32": "AAAAAA=="}), InvalidRequest),
        (Completion([first, third], checksum_type="FULL_OBJECT"), InvalidRequest),
    ):
        with pytest.raises(error):
            store.uploads.complete("bucket", "key", upload, completion)
    assert len(store.uploads.parts("bucket", "key", upload)[1]) == 3


def test_condition_of_a_completion(store: LocalObjects) -> None:
    with store.writer("bucket", "key") as writer:
        writer.commit()
    upload, parts = begin(store, LAST)
    with pytest.raises(PreconditionFailed):
        store.uploads.complete("bucket", "key", upload, Completion(parts, condition=Condition(absent=True)))


def test_checksums_are_made_of_the_parts(store: LocalObjects) -> None:
    upload, parts = begin(store, FIRST, LAST, algorithm="CRC64NVME")
    with pytest.raises(BadDigest):
        store.uploads.complete(
            "bucket", "key", upload, Completion(parts, checksums={"CRC64NVME": "AAAAAAAAAAA="})
        )
    info = store.uploads.complete("bucket", "key", upload, Completion(parts))
    with store.writer("bucket", "whole", checksums=["CRC64NVME"]) as writer:
        writer.write(FIRST + LAST)
        whole = writer.commit()
    assert (info.checksums, info.checksum_type) == (whole.checksums, "FULL_OBJECT")

    upload, parts = begin(store, FIRST, LAST, algorithm="CRC32")
    info = store.uploads.complete("bucket", "key", upload, Completion(parts))
    assert info.checksum_type == "COMPOSITE"
    assert info.checksums["CRC32"].endswith("-2")


def test_checksum_of_a_part_must_be_its_own(store: LocalObjects) -> None:
    upload, (part,) = begin(store, LAST, algorithm="CRC32")
    wrong = CompletedPart(1, part.etag, {"CRC32": "AAAAAA=="})
    with pytest.raises(InvalidPart, match="CRC32"):
        store.uploads.complete("bucket", "key", upload, Completion([wrong]))


@pytest.mark.parametrize(
    ("algorithm", "kind"), [("CRC7", None), (None, "COMPOSITE"), ("SHA1", "FULL_OBJECT"), ("CRC32", "SOME")]
)
def test_unknown_checksums_are_refused_at_the_start(
    store: LocalObjects, algorithm: str | None, kind: str | None
) -> None:
    with pytest.raises(InvalidRequest):
        store.uploads.create("bucket", "key", Attributes(), algorithm, kind)


def test_copy_of_a_multipart_object_shares_its_parts(store: LocalObjects, home: Home) -> None:
    upload, parts = begin(store, FIRST, LAST)
    store.uploads.complete("bucket", "key", upload, Completion(parts))
    copy = store.copy(("bucket", "key"), ("bucket", "copy"))
    store.delete("bucket", "key")
    with store.open("bucket", "copy") as reader:
        assert b"".join(reader.chunks()) == FIRST + LAST
    assert (copy.parts, len(files(home))) == (2, 2)


def test_reading_a_replaced_multipart_object_fails_rather_than_mixes(store: LocalObjects) -> None:
    upload, parts = begin(store, FIRST, LAST)
    store.uploads.complete("bucket", "key", upload, Completion(parts))
    with store.open("bucket", "key") as reader:
        store.delete("bucket", "key")
        chunks = reader.chunks()
        assert b"".join(next(chunks) for _ in range(5)) == FIRST
        with pytest.raises(DamagedStore, match="Read it again"):
            next(chunks)


def test_uploads_are_listed_by_key_and_start(store: LocalObjects) -> None:
    for key in ("b", "a/2", "a/1", "b"):
        store.uploads.create("bucket", key)
    listed = store.uploads.list("bucket")
    assert [upload.key for upload in listed] == ["a/1", "a/2", "b", "b"]
    assert listed[2].started <= listed[3].started
    assert [upload.key for upload in store.uploads.list("bucket", "a/")] == ["a/1", "a/2"]
