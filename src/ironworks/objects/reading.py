"""Reading an object's bytes from the blobs it is made of."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from types import TracebackType

from ironworks.objects.blobs import Blobs
from ironworks.objects.entries import ObjectInfo, PartInfo
from ironworks.objects.errors import DamagedStore

CHUNK = 1024 * 1024


class ObjectReader:
    """An object opened for reading. Use it in a `with` block.

    The first blob is opened at once, so an object in one piece can be read to its end whatever happens to its
    key. Further blobs of a multipart object are opened when they are reached; when the object was replaced in
    between, the read raises rather than mix two objects.
    """

    def __init__(
        self, info: ObjectInfo, parts: Sequence[PartInfo], names: Sequence[str], blobs: Blobs
    ) -> None:
        """`names` are the blobs of `parts`, in the same order.

        Raises:
            FileNotFoundError: the first blob is gone.
        """
        self.info = info
        self.parts = parts
        self._blobs = blobs
        self._names = names
        self._ends = list(accumulate(part.size for part in parts))
        self._index = 0
        self._file = -1
        self._file = os.open(blobs.path(names[0]), os.O_RDONLY | os.O_CLOEXEC)

    def __enter__(self) -> ObjectReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()  # an answer that is never sent leaves its reader to the garbage collector

    def close(self) -> None:
        """Give the open file back; may be called twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def part_span(self, number: int) -> tuple[int, int] | None:
        """First and last-plus-one byte of the part with this number; None when there is none."""
        for part, end in zip(self.parts, self._ends, strict=True):
            if part.number == number:
                return end - part.size, end
        return None

    def chunks(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` up to `end` (exclusive), at most 1 MiB at a time.

        Raises:
            DamagedStore: the object was replaced meanwhile, or its bytes are gone.
        """
        position = start
        end = self.info.size if end is None else end
        while position < end:
            index = bisect_right(self._ends, position)
            self._switch(index)
            begin = self._ends[index - 1] if index else 0
            data = os.pread(
                self._file, min(CHUNK, end - position, self._ends[index] - position), position - begin
            )
            if not data:
                raise DamagedStore(f"{self._where()} ends early: the file was cut. Upload the object again.")
            position += len(data)
            yield data

    def _switch(self, index: int) -> None:
        if index == self._index:
            return
        try:
            file = os.open(self._blobs.path(self._names[index]), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise DamagedStore(
                f"{self._where()} was replaced or deleted while it was read. Read it again."
            ) from None
        os.close(self._file)
        self._file, self._index = file, index

    def _where(self) -> str:
        return f"s3://{self.info.bucket}/{self.info.key}"
