"""Writing an object or a part: bytes first, then the row, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Generic, TypeVar

from sqlalchemy.orm import Session

from ironworks.objects.blobs import IncomingBlob, Sealed
from ironworks.objects.entries import UNCHECKED, Expected
from ironworks.objects.references import References

T = TypeVar("T")

Place = Callable[[Session, Sealed], tuple[T, set[str]]]
"""Stores the rows that name the blob; answers the result and the blobs that it replaced."""


class Writer(Generic[T]):
    """Bytes on their way into the store. Leaving the `with` block without `commit` leaves nothing."""

    def __init__(
        self,
        blob: IncomingBlob,
        transaction: Callable[[], AbstractContextManager[Session]],
        place: Place[T],
        references: References,
    ) -> None:
        self._blob = blob
        self._transaction = transaction
        self._place = place
        self._references = references

    def __enter__(self) -> Writer[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._blob.__exit__(kind, error, trace)

    def write(self, data: bytes) -> None:
        """Append bytes. They are on their way to the disk when this returns; nothing is kept in memory."""
        self._blob.write(data)

    def commit(self, expected: Expected = UNCHECKED) -> T:
        """Make what was written durable and visible.

        Raises:
            IncompleteBody, BadDigest, InvalidDigest: the bytes are not those that the sender meant.
            PreconditionFailed, NoSuchBucket, NoSuchUpload: the place for them is not as it should be.
        """
        sealed = self._blob.seal(expected)
        with self._transaction() as session:
            result, replaced = self._place(session, sealed)
            self._blob.keep(sealed)
        self._references.collect(replaced)
        return result
