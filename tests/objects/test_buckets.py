from __future__ import annotations

import pytest

from ironworks.objects import LocalObjects
from ironworks.objects.errors import (
    BucketAlreadyOwnedByYou,
    BucketNotEmpty,
    InvalidBucketName,
    NoSuchBucket,
)


def test_buckets_are_listed_by_name(store: LocalObjects) -> None:
    store.buckets.create("another", "eu-west-1")
    assert [(bucket.name, bucket.region) for bucket in store.buckets.list()] == [
        ("another", "eu-west-1"),
        ("bucket", "us-east-1"),
    ]
    assert store.buckets.get("another").region == "eu-west-1"


@pytest.mark.parametrize(
    "name",
    ["ab", "a" * 64, "Upper", "under_score", "-start", "end-", "two..dots", "10.0.0.1", "xn--a", "a/b", ""],
)
def test_invalid_name_is_refused(store: LocalObjects, name: str) -> None:
    with pytest.raises(InvalidBucketName, match="3 to 63"):
        store.buckets.create(name)


def test_bucket_is_created_once(store: LocalObjects) -> None:
    with pytest.raises(BucketAlreadyOwnedByYou):
        store.buckets.create("bucket")


def test_only_an_empty_bucket_is_deleted(store: LocalObjects) -> None:
    with store.writer("bucket", "key") as writer:
        writer.commit()
    with pytest.raises(BucketNotEmpty):
        store.buckets.delete("bucket")
    store.delete("bucket", "key")
    store.buckets.delete("bucket")
    with pytest.raises(NoSuchBucket):
        store.buckets.get("bucket")


def test_deleting_a_bucket_drops_its_uploads(store: LocalObjects) -> None:
    upload = store.uploads.create("bucket", "key")
    with store.uploads.writer("bucket", "key", upload.id, 1) as writer:
        writer.write(b"part")
        writer.commit()
    store.buckets.delete("bucket")
    store.buckets.create("bucket")
    assert store.uploads.list("bucket") == []
    assert store.sweep() == 0


def test_missing_bucket_is_named_by_every_operation(store: LocalObjects) -> None:
    for operation in (
        lambda: store.head("missing", "key"),
        lambda: store.open("missing", "key"),
        lambda: store.writer("missing", "key"),
        lambda: store.list("missing"),
        lambda: store.delete("missing", "key"),
        lambda: store.copy(("missing", "key"), ("bucket", "key")),
        lambda: store.uploads.create("missing", "key"),
        lambda: store.buckets.delete("missing"),
    ):
        with pytest.raises(NoSuchBucket, match="'missing'"):
            operation()
