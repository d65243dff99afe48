"""Speed and memory of the object store, through the server's HTTP port.

    python benchmarks/objects.py [--size MIB] [--rounds N]

A raw HTTP client with presigned URLs: boto3's own hashing would be what is measured otherwise. The floor is what this
machine needs just to write as many bytes to a file and fsync it, in the same rounds.
"""

from __future__ import annotations

import argparse
import http.client
import os
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import boto3
import psutil
from botocore.config import Config
from rich.console import Console
from rich.table import Table

from ironworks.home import Home
from ironworks.server import process
from ironworks.server.keys import Keys

MIB = 1 << 20
BARS = {"PutObject": 250, "GetObject": 500}
"""MB/s, the least."""
MEMORY_BAR = 100
"""MB, the most."""


@dataclass
class Server:
    """A running server: its process, and a presigned URL's path for a key."""

    process: psutil.Process
    host: str
    path: Callable[[str, str], str]


@contextmanager
def start_server(folder: Path) -> Iterator[Server]:
    """A server on a home in `folder`, with the bucket `benchmark`."""
    home = Home.from_environment({"IRONWORKS_HOME": str(folder)})
    record = process.start_in_background(home, "127.0.0.1", 0)
    try:
        keys = Keys.open(home.keys)
        client = boto3.client(
            "s3",
            region_name="us-east-1",
            endpoint_url=record.url,
            aws_access_key_id=keys.access_key_id,
            aws_secret_access_key=keys.secret_access_key,
            config=Config(signature_version="s3v4"),
        )
        client.create_bucket(Bucket="benchmark")

        def path(operation: str, key: str) -> str:
            url: str = client.generate_presigned_url(operation, Params={"Bucket": "benchmark", "Key": key})
            return url.removeprefix(record.url)

        yield Server(psutil.Process(record.pid), record.url.removeprefix("http://"), path)
    finally:
        process.stop(home, timeout=10)


@contextmanager
def peak_memory(server: psutil.Process) -> Iterator[list[int]]:
    """The most resident bytes of the server above those at the start, in the list when the block ends."""
    start = server.memory_info().rss
    peak, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            peak[0] = max(peak[0], server.memory_info().rss - start)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def put(server: Server, key: str, block: bytes, count: int) -> None:
    """Upload `count` times `block`, each copy with its number in it, so that no two objects are equal."""
    connection = http.client.HTTPConnection(server.host)
    connection.putrequest("PUT", server.path("put_object", key))
    connection.putheader("Content-Length", str(len(block) * count))
    connection.endheaders()
    mark = os.urandom(16)
    for _ in range(count):
        connection.send(mark)
        connection.send(memoryview(block)[len(mark) :])
    response = connection.getresponse()
    assert response.status == 200, response.read()
    response.read()
    connection.close()


def get(server: Server, key: str) -> int:
    """Download an object into nothing. Answers its bytes."""
    connection = http.client.HTTPConnection(server.host)
    connection.request("GET", server.path("get_object", key))
    response = connection.getresponse()
    buffer, size = bytearray(MIB), 0
    while count := response.readinto(buffer):
        size += count
    connection.close()
    return size


def write_file(path: Path, block: bytes, count: int) -> None:
    """The floor: the same bytes into a file, and onto the disk."""
    with path.open("wb", buffering=0) as file:
        for _ in range(count):
            file.write(block)
        os.fsync(file.fileno())
    path.unlink()


def timed(action: Callable[[], object]) -> float:
    """Seconds that the action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def measure(server: Server, folder: Path, size: int, rounds: int) -> dict[str, list[float]]:
    """MB/s (decimal) of each round, by what was done."""
    block, count = os.urandom(4 * MIB), size // 4
    seconds: dict[str, list[float]] = {"PutObject": [], "GetObject": [], "file and fsync": []}
    for number in range(rounds):
        seconds["file and fsync"].append(timed(lambda: write_file(folder / "floor", block, count)))
        seconds["PutObject"].append(timed(partial(put, server, f"large-{number}", block, count)))
        seconds["GetObject"].append(timed(partial(get, server, f"large-{number}")))
    return {name: [size * MIB / 1e6 / each for each in times] for name, times in seconds.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=1024, help="MiB of an object")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="iw-"))
    try:
        with start_server(folder) as server, peak_memory(server.process) as peak:
            speeds = measure(server, folder, arguments.size, arguments.rounds)
    finally:
        shutil.rmtree(folder)
    table = Table("what", "median", "rounds", "bar", title=f"Object store, {arguments.size} MiB")
    for name, values in speeds.items():
        bar = f"≥ {BARS[name]} MB/s" if name in BARS else ""
        table.add_row(
            name, f"{statistics.median(values):.0f} MB/s", " ".join(f"{v:.0f}" for v in values), bar
        )
    table.add_row("server's memory above its start", f"{peak[0] / 1e6:.0f} MB", "", f"≤ {MEMORY_BAR} MB")
    Console().print(table)


if __name__ == "__main__":
    main()
