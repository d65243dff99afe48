from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import threading
from pathlib import Path

import pytest

from ironworks.database import Database
from ironworks.home import Home
from ironworks.objects import Attributes, Condition, LocalObjects, ObjectInfo
from ironworks.objects.errors import (
    DamagedStore,
    KeyTooLong,
    NoSuchKey,
    PreconditionFailed,
)


def put(store: LocalObjects, key: str, data: bytes, condition: Condition | None = None) -> ObjectInfo:
    with store.writer("bucket", key, condition=condition or Condition()) as writer:
        writer.write(data)
        return writer.commit()


def get(store: LocalObjects, key: str) -> bytes:
    with store.open("bucket", key) as reader:
        return b"".join(reader.chunks())


def blobs(home: Home) -> list[Path]:
    return [path for path in home.objects.rglob("*") if path.is_file()]


def test_object_is_read_as_it_was_written(store: LocalObjects) -> None:
    attributes = Attributes({"content-type": "text/plain"}, {"owner": "me"}, {"tag": "1"})
    with store.writer("bucket", "key", attributes, ["CRC32"]) as writer:
        writer.write(b"hello ")
        writer.write(b"world")
        written = writer.commit()
    assert get(store, "key") == b"hello world"
    info = store.head("bucket", "key")
    assert info == written
    assert (info.size, info.etag) == (11, hashlib.md5(b"hello world").hexdigest())
    assert info.sha256 == hashlib.sha256(b"hello world").hexdigest()
    assert (info.attributes, info.checksums) == (attributes, {"CRC32": "DUoRhQ=="})


def test_file_goes_up_and_comes_down(store: LocalObjects, tmp_path: Path) -> None:
    data = os.urandom(5_000_000)
    (tmp_path / "up").write_bytes(data)
    store.upload(tmp_path / "up", "bucket", "a/b")
    info = store.download("bucket", "a/b", tmp_path / "new" / "folder" / "down")
    assert (tmp_path / "new" / "folder" / "down").read_bytes() == data
    assert info.size == len(data)
    assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == ["down"]


def test_failed_download_leaves_the_file_that_was_there(
    store: LocalObjects, tmp_path: Path, home: Home
) -> None:
    put(store, "key", b"data")
    (tmp_path / "file").write_bytes(b"before")
    os.truncate(blobs(home)[0], 2)
    with pytest.raises(DamagedStore, match="Upload the object again"):
        store.download("bucket", "key", tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"before"


def test_writer_that_is_not_committed_leaves_nothing(store: LocalObjects, home: Home) -> None:
    with store.writer("bucket", "key") as writer:
        writer.write(b"half")
    with pytest.raises(NoSuchKey, match="s3://bucket/key"):
        store.head("bucket", "key")
    assert blobs(home) == []


def test_equal_bytes_are_stored_once_and_removed_with_the_last_key(store: LocalObjects, home: Home) -> None:
    put(store, "one", b"same")
    put(store, "two", b"same")
    store.copy(("bucket", "two"), ("bucket", "three"))
    assert len(blobs(home)) == 1
    store.delete("bucket", "one")
    put(store, "two", b"other")
    assert get(store, "three") == b"same"
    store.delete_many("bucket", ["two", "three", "missing"])
    assert blobs(home) == []


@pytest.mark.parametrize(
    "key", ["../../etc/passwd", "/", "//a", "a/../b", ".", "é", "a b", "%2e", "\\", "a\nb", "\x00"]
)
def test_key_is_never_a_path(store: LocalObjects, home: Home, key: str) -> None:
    put(store, key, key.encode())
    assert get(store, key) == key.encode()
    assert [info.key for info in store.walk("bucket")] == [key]
    assert len(blobs(home)) == 1


def test_too_long_a_key_is_refused(store: LocalObjects) -> None:
    put(store, "é" * 512, b"")
    with pytest.raises(KeyTooLong, match="1024"):
        store.writer("bucket", "é" * 512 + "a")
    with pytest.raises(KeyTooLong):
        store.copy(("bucket", "é" * 512), ("bucket", "a" * 1025))


def test_conditions_hold_at_the_commit(store: LocalObjects) -> None:
    first = put(store, "key", b"1", Condition(absent=True))
    with pytest.raises(PreconditionFailed):
        put(store, "key", b"2", Condition(absent=True))
    with pytest.raises(PreconditionFailed):
        put(store, "key", b"2", Condition(match="0" * 32))
    put(store, "key", b"2", Condition(match=first.etag))
    with pytest.raises(NoSuchKey):
        put(store, "missing", b"2", Condition(match=first.etag))
    with pytest.raises(PreconditionFailed):
        store.delete("bucket", "key", Condition(match=first.etag))
    assert get(store, "key") == b"2"


def test_of_writers_that_want_an_absent_key_one_wins(store: LocalObjects) -> None:
    outcomes: list[bool] = []

    def write(number: int) -> None:
        try:
            put(store, "key", str(number).encode(), Condition(absent=True))
            outcomes.append(True)
        except PreconditionFailed:
            outcomes.append(False)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False] * 7 + [True]


def test_reader_goes_on_when_its_object_is_replaced_or_deleted(store: LocalObjects) -> None:
    put(store, "key", b"old")
    with store.open("bucket", "key") as reader:
        put(store, "key", b"new")
        store.delete("bucket", "key")
        assert b"".join(reader.chunks()) == b"old"


def test_range_is_read_at_most_a_mebibyte_at_a_time(store: LocalObjects) -> None:
    data = os.urandom(3 << 20)
    put(store, "key", data)
    with store.open("bucket", "key") as reader:
        chunks = list(reader.chunks(1000, (2 << 20) + 1001))
    assert b"".join(chunks) == data[1000 : (2 << 20) + 1001]
    assert [len(chunk) for chunk in chunks] == [1 << 20, 1 << 20, 1]


def test_copy_keeps_or_replaces_the_attributes(store: LocalObjects) -> None:
    with store.writer("bucket", "key", Attributes(metadata={"a": "1"})) as writer:
        writer.commit()
    store.buckets.create("target")
    assert store.copy(("bucket", "key"), ("target", "kept")).attributes.metadata == {"a": "1"}
    replaced = store.copy(("bucket", "key"), ("bucket", "key"), lambda _: Attributes(metadata={"b": "2"}))
    assert replaced.attributes.metadata == {"b": "2"}
    assert get(store, "key") == b""


def test_tags_are_replaced(store: LocalObjects) -> None:
    put(store, "key", b"data")
    store.set_tags("bucket", "key", {"a": "1"})
    assert store.head("bucket", "key").attributes.tags == {"a": "1"}
    with pytest.raises(NoSuchKey):
        store.set_tags("bucket", "missing", {})


def test_missing_blob_is_reported_as_damage(store: LocalObjects, home: Home) -> None:
    put(store, "key", b"data")
    blobs(home)[0].unlink()
    with pytest.raises(DamagedStore, match="s3://bucket/key"):
        store.open("bucket", "key")


def test_storing_a_damaged_object_again_repairs_it(store: LocalObjects, home: Home) -> None:
    put(store, "key", b"data")
    os.truncate(blobs(home)[0], 1)
    with pytest.raises(DamagedStore, match="Upload the object again"):
        get(store, "key")
    put(store, "key", b"data")
    assert get(store, "key") == b"data"


def test_writers_keep_nobody_waiting_until_they_commit(store: LocalObjects, database: Database) -> None:
    with database.write(), store.writer("bucket", "key") as writer:
        writer.write(b"data")


def test_copy_is_of_the_very_source_that_was_looked_at(store: LocalObjects) -> None:
    old = put(store, "key", b"old")
    writing = threading.Thread(target=put, args=(store, "key", b"new"))

    def derive(source: ObjectInfo) -> Attributes:
        writing.start()  # it waits for the end of the copy's transaction
        return Attributes(metadata={"of": source.etag})

    copy = store.copy(("bucket", "key"), ("bucket", "copy"), derive)
    writing.join()
    assert (copy.etag, copy.attributes.metadata) == (old.etag, {"of": old.etag})
    assert get(store, "copy") + get(store, "key") == b"oldnew"


def test_walk_goes_over_all_pages(store: LocalObjects, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(7):
        put(store, f"a/{number}", b"")
    put(store, "b", b"")
    monkeypatch.setattr("ironworks.objects.local._PAGE", 2)
    assert [info.key for info in store.walk("bucket", "a/")] == [f"a/{number}" for number in range(7)]


def test_sweep_removes_what_no_row_names_and_nothing_else(store: LocalObjects, home: Home) -> None:
    put(store, "key", b"kept")
    (home.objects / "blobs" / "ab" / "left-by-a-crash").write_bytes(b"")
    (home.objects / "incoming" / "left-by-a-crash").write_bytes(b"")
    with store.writer("bucket", "coming") as writer:
        writer.write(b"live")
        assert store.sweep() == 2
        writer.commit()
    assert get(store, "key") + get(store, "coming") == b"keptlive"


def _write_until_killed(url: str, directory: Path, ready: multiprocessing.synchronize.Event) -> None:
    store = LocalObjects(Database(url), directory)
    with store.writer("bucket", "half") as writer:
        writer.write(b"x" * 1_000_000)
        ready.set()
        signal.pause()


def test_killed_writer_leaves_no_object_and_no_file(
    store: LocalObjects, database: Database, home: Home
) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    writer = context.Process(target=_write_until_killed, args=(database.url, home.objects, ready))
    writer.start()
    assert ready.wait(30)
    writer.kill()
    writer.join()
    writer.close()
    assert list(store.walk("bucket")) == []
    assert len(blobs(home)) == 1
    assert store.sweep() == 1
    assert blobs(home) == []


def _put_and_delete(url: str, directory: Path, name: str, rounds: int) -> None:
    database = Database(url)
    store = LocalObjects(database, directory)
    for number in range(rounds):
        data = str(number % 3).encode()
        with store.writer("bucket", name) as writer:
            writer.write(data)
            writer.commit()
        with store.open("bucket", name) as reader:
            assert b"".join(reader.chunks()) == data
        store.delete("bucket", name)
    database.close()


def test_processes_that_share_blobs_never_lose_one(
    store: LocalObjects, database: Database, home: Home
) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=_put_and_delete, args=(database.url, home.objects, f"key{number}", 40))
        for number in range(3)
    ]
    for process in processes:
        process.start()
    while any(process.is_alive() for process in processes):
        store.sweep()
    for process in processes:
        process.join()
        assert process.exitcode == 0
        process.close()
    assert blobs(home) == []


def test_without_sample_data_its_bucket_is_a_name_like_any_other(store: LocalObjects) -> None:
    store.buckets.create("sagemaker-sample-data-us-west-2")
    with pytest.raises(NoSuchKey):
        store.head("sagemaker-sample-data-us-west-2", "key")
