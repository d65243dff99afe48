"""Connections and transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import DateTime, Dialect, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

from ironworks.errors import PlatformError

MOST_CONNECTIONS = 64
"""At a time, beside the few that stay open: more than a server has threads, so that none waits for one."""


def utc_now() -> datetime:
    """The time now, with its zone."""
    return datetime.now(timezone.utc)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment. SQLite keeps no zone, so what is read back is given UTC again."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Refuse moments without a zone: they would be wrong by hours somewhere."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return value.astimezone(timezone.utc)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Give the moment its zone again."""
        return value if value is None else value.replace(tzinfo=timezone.utc)


class Table(DeclarativeBase):
    """The declarative base of every table."""


class Database:
    """One database, reached from any thread and any process of the installation.

    SQLite runs in WAL mode with `synchronous=FULL`: a committed row survives a power cut.
    """

    def __init__(self, url: str) -> None:
        """Nothing is opened yet.

        Raises:
            PlatformError: the URL is none, or the driver for it is not installed.
        """
        try:
            self.engine = create_engine(url, max_overflow=MOST_CONNECTIONS)
        except (SQLAlchemyError, ImportError) as error:
            raise PlatformError(
                f"IRONWORKS_DATABASE_URL cannot be used: {error}. Correct it, or unset it for SQLite in the home."
            ) from error
        self.url = self.engine.url.render_as_string()  # without the password: it stands in messages
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _configure_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for reading. Rows stay usable after it ends; changes are not kept."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that commits when the block ends and rolls back when it raises.

        On SQLite it holds the write lock from the start, so what the block reads is still true when it writes.
        """
        with (
            Session(self.engine.execution_options(ironworks_write=True), expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    def close(self) -> None:
        """Give every pooled connection back."""
        self.engine.dispose()


def _configure_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun by _begin_sqlite, not by the driver
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    # A deferred transaction that turns from reading to writing fails with "database is locked" when another
    # process wrote in between; taking the lock at once waits for it instead.
    write = connection.get_execution_options().get("ironworks_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
