"""Which blobs are still named by a row, and the removal of those that are not.

A put renames its blob and stores the row in one write transaction; a removal asks again and unlinks
in one write transaction. Write transactions exclude each other, so neither sees the other half done:
SQLite has one writer at a time, and on PostgreSQL both take the same advisory lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from ironworks.database import Database
from ironworks.objects.blobs import Blobs
from ironworks.objects.tables import PartRow

_ADVISORY_LOCK = 0x49524F4E
_BATCH = 500


class References:
    """The rows' hold on the blobs."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database = database
        self._blobs = blobs

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A write transaction in which blobs may be named, kept or removed."""
        with self._database.write() as session:
            if session.get_bind().dialect.name == "postgresql":
                session.execute(select(func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
            yield session

    def drop(self, session: Session, content: str) -> set[str]:
        """Delete the parts of a content. Answers the blobs that they named, to `collect` later."""
        parts = PartRow.content == content
        names = set(session.scalars(select(PartRow.blob).where(parts)))
        session.execute(delete(PartRow).where(parts))
        return names

    def collect(self, names: Iterable[str]) -> int:
        """Remove those of the blobs that no row names. Answers how many."""
        removed = 0
        remaining = iter(names)
        while batch := list(islice(remaining, _BATCH)):
            with self.write() as session:
                for name in self._unnamed(session, batch):
                    self._blobs.remove(name)
                    removed += 1
        return removed

    def sweep(self) -> int:
        """Remove what a crash left: blobs without a row and files of dead writers. Answers how many."""
        removed = self._blobs.remove_abandoned()
        remaining = self._blobs.names()
        while batch := list(islice(remaining, _BATCH)):
            with self._database.read() as session:
                suspects = self._unnamed(session, batch)
            removed += self.collect(suspects)
        return removed

    def _unnamed(self, session: Session, names: list[str]) -> set[str]:
        named = session.scalars(select(PartRow.blob).where(PartRow.blob.in_(names)).distinct())
        return set(names) - set(named)
