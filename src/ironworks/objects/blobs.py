"""Bytes on disk, named by their SHA-256.

    blobs/ab/cdef…   finished, never changed
    incoming/…       being written; its writer holds a lock on it as long as it lives

A blob becomes durable in this order: bytes, `fsync` of the file, rename, `fsync` of the folder. The
caller commits the row that names it after that.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from ironworks.objects import digests
from ironworks.objects.entries import Expected
from ironworks.objects.errors import IncompleteBody, PayloadMismatch, StoreFull

PARALLEL = 256 * 1024
"""From this many bytes on, each digest and the disk have a thread: the disk stalls now and then, MD5 is slow."""

WRITE_BACK = 16 * 1024 * 1024
"""After this many bytes the kernel is told to begin writing: the final fsync then takes 10 ms, not 400, for 1 GiB."""

_hashing = ThreadPoolExecutor(max_workers=4, thread_name_prefix="digest")


@dataclass(frozen=True)
class Sealed:
    """A blob that is whole: its name (SHA-256, hex), size in bytes, MD5 (hex) and checksums (base64)."""

    name: str
    size: int
    md5: str
    checksums: Mapping[str, str]


class IncomingBlob:
    """A blob being written. Leaving the `with` block before `keep` leaves nothing behind."""

    def __init__(self, blobs: Blobs, algorithms: Iterable[str]) -> None:
        self._blobs = blobs
        self._path, self._file = blobs.create_incoming()
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5()
        # The name and the ETag need SHA-256 and MD5 anyway: a checksum by the same algorithm costs nothing.
        shared: dict[str, digests.Digest] = {"SHA256": self._sha256, "MD5": self._md5}
        self._checksums = {name: shared.get(name) or digests.ALGORITHMS[name]() for name in algorithms}
        others = [digest for name, digest in self._checksums.items() if name not in shared]
        self._digests: list[digests.Digest] = [self._md5, self._sha256, *others]
        self._size = 0
        self._started = 0

    def __enter__(self) -> IncomingBlob:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._path.unlink(missing_ok=True)
        os.close(self._file)

    def write(self, data: bytes) -> None:
        """Append bytes; buffers of 1 MiB and more go fastest.

        Raises:
            StoreFull: the disk takes no more.
        """
        if len(data) >= PARALLEL:
            hashing = [_hashing.submit(digest.update, data) for digest in self._digests]
            self._append(data)
            for running in hashing:
                running.result()
        else:
            for digest in self._digests:
                digest.update(data)
            self._append(data)

    def _append(self, data: bytes) -> None:
        view = memoryview(data)
        with self._blobs.room():
            while view:
                view = view[os.write(self._file, view) :]
        self._size += len(data)
        if self._size - self._started >= WRITE_BACK:
            _begin_write_back(self._file, self._started, self._size - self._started)
            self._started = self._size

    def seal(self, expected: Expected) -> Sealed:
        """Check the bytes against what the sender said, and put them on the disk.

        Raises:
            IncompleteBody: another number of bytes.
            BadDigest, InvalidDigest, PayloadMismatch: another checksum, or none.
            StoreFull: the disk takes no more.
        """
        if expected.size is not None and expected.size != self._size:
            raise IncompleteBody(expected.size, self._size)
        if expected.sha256 not in (None, self._sha256.hexdigest()):
            raise PayloadMismatch
        if expected.md5 is not None:
            digests.check("MD5", expected.md5, self._md5.digest())
        for algorithm, text in expected.checksums.items():
            digests.check(algorithm, text, self._checksums[algorithm].digest())
        with self._blobs.room():
            os.fsync(self._file)
        return Sealed(
            name=self._sha256.hexdigest(),
            size=self._size,
            md5=self._md5.hexdigest(),
            checksums={name: digests.encode(digest.digest()) for name, digest in self._checksums.items()},
        )

    def keep(self, sealed: Sealed) -> None:
        """Give the blob its name. Call it in the write transaction that stores the row that names it.

        A blob of the same name is replaced: the bytes are equal, unless the disk has damaged those that
        are there, and its writer may have died before its folder was on the disk.
        """
        path = self._blobs.path(sealed.name)
        self._path.replace(path)
        _sync_folder(path.parent)


class Blobs:
    """The folder of the blobs, shared by all processes of the installation."""

    def __init__(self, directory: Path) -> None:
        self._finished = directory / "blobs"
        self._incoming = directory / "incoming"
        self._incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._finished.mkdir(mode=0o700, exist_ok=True)
        if not (self._finished / "ff").exists():
            for number in range(256):
                (self._finished / f"{number:02x}").mkdir(mode=0o700, exist_ok=True)
            _sync_folder(self._finished)
            _sync_folder(directory)

    def path(self, name: str) -> Path:
        """Where the blob is, whether it exists or not."""
        return self._finished / name[:2] / name[2:]

    def receive(self, algorithms: Iterable[str] = ()) -> IncomingBlob:
        """Begin a blob, computing these checksums besides SHA-256 and MD5."""
        return IncomingBlob(self, algorithms)

    @contextmanager
    def room(self) -> Iterator[None]:
        """Bytes are written inside.

        Raises:
            StoreFull: there is no room for them.
        """
        try:
            yield
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            raise StoreFull(self._incoming.parent, error.strerror or str(error)) from error

    def names(self) -> Iterator[str]:
        """Every finished blob."""
        for folder in self._finished.iterdir():
            for path in folder.iterdir():
                yield folder.name + path.name

    def remove(self, name: str) -> None:
        """Unlink a blob. Who has it open can read on."""
        self.path(name).unlink(missing_ok=True)

    def create_incoming(self) -> tuple[Path, int]:
        """A new locked file for bytes that are still coming: its path and descriptor."""
        while True:
            path = self._incoming / uuid.uuid4().hex
            file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(file).st_nlink:
                return path, file
            os.close(file)  # a sweep came between the two calls and took it for a dead writer's

    def remove_abandoned(self) -> int:
        """Remove incoming files whose writer is dead (nobody holds the lock). Answers how many."""
        removed = 0
        for path in self._incoming.iterdir():
            try:
                file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink(missing_ok=True)
                removed += 1
            except BlockingIOError:
                pass  # its writer lives
            finally:
                os.close(file)
        return removed


def _begin_write_back(file: int, start: int, size: int) -> None:
    # On Linux this advice starts asynchronous write-back of the range's dirty pages, and drops none of them.
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(file, start, size, os.POSIX_FADV_DONTNEED)


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
