"""Processes that write, copy, delete and complete the same keys, killed in the middle of it."""

from __future__ import annotations

import multiprocessing
import random
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from ironworks.database import Database
from ironworks.home import Home
from ironworks.objects import CompletedPart, Completion, LocalObjects, uploads
from ironworks.objects.errors import DamagedStore, ObjectError
from ironworks.objects.tables import ObjectRow, PartRow, UploadRow

KEYS = [f"key{number}" for number in range(4)]
CONTENTS = [bytes([number]) * size for number, size in enumerate((0, 10, 300_000, 1_000_000))]


def _complete(store: LocalObjects, key: str, chance: random.Random) -> None:
    upload = store.uploads.create("bucket", key)
    parts = []
    for number in (1, 2, 3):
        with store.uploads.writer("bucket", key, upload.id, number) as writer:
            writer.write(chance.choice(CONTENTS))
            parts.append(CompletedPart(number, writer.commit().etag))
    if chance.random() < 0.3:
        store.uploads.abort("bucket", key, upload.id)
    else:
        store.uploads.complete("bucket", key, upload.id, Completion(parts))


def _step(store: LocalObjects, chance: random.Random) -> None:
    key = chance.choice(KEYS)
    action = chance.choice(["put", "put", "copy", "complete", "delete", "read"])
    if action == "put":
        with store.writer("bucket", key) as writer:
            writer.write(chance.choice(CONTENTS))
            writer.commit()
    elif action == "copy":
        store.copy(("bucket", key), ("bucket", chance.choice(KEYS)))
    elif action == "complete":
        _complete(store, key, chance)
    elif action == "delete":
        store.delete("bucket", key)
    else:
        with store.open("bucket", key) as reader:
            assert sum(map(len, reader.chunks())) == reader.info.size


def _work_until_killed(url: str, directory: Path, seed: int) -> None:
    uploads.SMALLEST_PART = 0
    store = LocalObjects(Database(url), directory)
    chance = random.Random(seed)
    while True:
        try:
            _step(store, chance)
        except ObjectError:
            pass  # the key, or the upload, went away in between
        except DamagedStore as error:
            assert "replaced or deleted" in str(error), error


@pytest.mark.parametrize("seed", [1, 2])
def test_after_any_kill_every_object_is_whole_and_nothing_is_left_over(
    store: LocalObjects, database: Database, home: Home, seed: int
) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=_work_until_killed, args=(database.url, home.objects, seed * 10 + number))
        for number in range(3)
    ]
    for process in processes:
        process.start()
    while len(list(store.walk("bucket"))) < 2 and all(process.is_alive() for process in processes):
        time.sleep(0.01)
    time.sleep(0.3)
    for process in processes:
        assert process.is_alive()
        process.kill()
        process.join()
        process.close()

    store.sweep()
    for info in store.walk("bucket"):
        with store.open("bucket", info.key) as reader:
            assert sum(map(len, reader.chunks())) == info.size
    with database.read() as session:
        named = set(session.scalars(select(PartRow.blob)))
        owners = set(session.scalars(select(ObjectRow.content))) | set(session.scalars(select(UploadRow.id)))
        assert set(session.scalars(select(PartRow.content))) <= owners
    blobs = {path.parent.name + path.name for path in (home.objects / "blobs").rglob("*") if path.is_file()}
    assert blobs == named
    assert list((home.objects / "incoming").iterdir()) == []
