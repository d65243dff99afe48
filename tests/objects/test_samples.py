from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from ironworks.database import Database
from ironworks.errors import ClientError
from ironworks.home import Home
from ironworks.objects import LocalObjects
from ironworks.objects.errors import (
    AccessDenied,
    BucketAlreadyExists,
    NoSuchBucket,
    NoSuchKey,
    SampleDataUnavailable,
    SampleDataUnderWay,
)

WEST, EAST = "sagemaker-sample-data-us-west-2", "sagemaker-sample-data-ap-southeast-1"


class Files:
    """Sample data of one file; counts how often it was asked for."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "images.gz"
        self.path.write_bytes(b"images")
        self.asked = 0

    def __call__(self) -> Mapping[str, Path]:
        self.asked += 1
        return {"mnist/images.gz": self.path}


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture
def sampled(database: Database, home: Home, files: Files) -> LocalObjects:
    return LocalObjects(database, home.objects, files)


def test_sample_bucket_exists_in_every_region_without_being_made(sampled: LocalObjects, files: Files) -> None:
    assert sampled.buckets.get(WEST).region == "us-west-2"
    assert sampled.buckets.list() == []
    assert files.asked == 0
    for bucket in (WEST, EAST):
        assert [(info.bucket, info.key) for info in sampled.walk(bucket)] == [(bucket, "mnist/images.gz")]
        with sampled.open(bucket, "mnist/images.gz") as reader:
            assert b"".join(reader.chunks()) == b"images"
    assert files.asked == 1


def test_sample_data_is_brought_once_for_all_processes(
    sampled: LocalObjects, database: Database, home: Home, files: Files
) -> None:
    sampled.head(WEST, "mnist/images.gz")
    LocalObjects(database, home.objects, files).head(EAST, "mnist/images.gz")
    assert files.asked == 1
    with pytest.raises(NoSuchKey, match=EAST):
        sampled.head(EAST, "missing")


def test_sample_bucket_is_read_only(sampled: LocalObjects) -> None:
    sampled.buckets.create("bucket")
    for write in (
        lambda: sampled.writer(WEST, "key"),
        lambda: sampled.delete(WEST, "mnist/images.gz"),
        lambda: sampled.delete_many(WEST, ["mnist/images.gz"]),
        lambda: sampled.copy((WEST, "mnist/images.gz"), (WEST, "copy")),
        lambda: sampled.set_tags(WEST, "mnist/images.gz", {}),
        lambda: sampled.uploads.create(WEST, "key"),
        lambda: sampled.buckets.delete(WEST),
    ):
        with pytest.raises(AccessDenied, match="read-only"):
            write()
    with pytest.raises(BucketAlreadyExists):
        sampled.buckets.create(WEST)


def test_sample_is_copied_into_an_own_bucket(sampled: LocalObjects) -> None:
    sampled.buckets.create("bucket")
    assert sampled.copy((WEST, "mnist/images.gz"), ("bucket", "mine")).size == 6


def test_failure_to_bring_the_data_says_what_to_do_and_is_tried_again(database: Database, home: Home) -> None:
    problems = [ClientError("Fetch it: ironworks datasets fetch mnist")]

    def samples() -> Mapping[str, Path]:
        if problems:
            raise problems.pop()
        return {}

    store = LocalObjects(database, home.objects, samples)
    with pytest.raises(SampleDataUnavailable, match="ironworks datasets fetch mnist"):
        store.list(WEST)
    assert store.list(WEST).objects == []


def test_only_one_request_waits_while_the_data_is_brought(
    database: Database, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ironworks.objects.samples.PATIENCE", 0.0)
    asked, go = threading.Event(), threading.Event()

    def samples() -> Mapping[str, Path]:
        asked.set()
        assert go.wait(30)
        return {}

    store = LocalObjects(database, home.objects, samples)
    first = threading.Thread(target=store.list, args=(WEST,))
    first.start()
    assert asked.wait(30)
    with pytest.raises(SampleDataUnderWay, match="Try again"):
        store.list(WEST)
    go.set()
    first.join()
    assert store.list(WEST).objects == []


def test_requests_that_waited_share_the_failure(database: Database, home: Home) -> None:
    asked, go = threading.Event(), threading.Event()
    attempts: list[int] = []
    refusals: list[str] = []

    def samples() -> Mapping[str, Path]:
        attempts.append(1)
        asked.set()
        assert go.wait(30)
        raise ClientError("no network")

    store = LocalObjects(database, home.objects, samples)

    def ask() -> None:
        with pytest.raises(SampleDataUnavailable) as caught:
            store.list(WEST)
        refusals.append(str(caught.value))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    threads[0].start()
    assert asked.wait(30)
    for thread in threads[1:]:
        thread.start()
    time.sleep(0.1)  # let them wait
    go.set()
    for thread in threads:
        thread.join()
    assert (len(attempts), refusals) == (1, ["no network"] * 3)


@pytest.mark.parametrize(
    "name", ["sagemaker-sample-data-west", "sagemaker-sample-data-us-west-2-x", ".samples"]
)
def test_other_names_are_ordinary(sampled: LocalObjects, name: str) -> None:
    sampled.head(WEST, "mnist/images.gz")
    with pytest.raises(NoSuchBucket):
        sampled.list(name)
