"""The migrations lead to exactly the tables that the code declares."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

import ironworks.control.logs
import ironworks.control.records
import ironworks.objects.tables  # noqa: F401
from ironworks.database import Database, Table
from ironworks.database.schema import bring_up_to_date, newest_version, version
from ironworks.errors import PlatformError


def test_migrated_database_has_the_declared_tables(database: Database) -> None:
    with database.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Table.metadata)
    assert differences == []


def test_empty_database_is_brought_to_the_newest_version(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    assert version(database) is None
    bring_up_to_date(database)
    assert version(database) == newest_version()
    bring_up_to_date(database)
    database.close()


def test_database_of_a_newer_release_is_refused(database: Database) -> None:
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(PlatformError, match="Upgrade Ironworks"):
        bring_up_to_date(database)


def test_sqlite_waits_for_the_log_to_reach_the_disk(database: Database) -> None:
    with database.read() as session:
        assert session.scalar(text("PRAGMA synchronous")) == 2
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"


def test_writer_sees_what_another_process_wrote_before_it(database: Database) -> None:
    path = database.url.removeprefix("sqlite:///")
    with database.write() as session:
        session.execute(text("INSERT INTO tags VALUES ('a', 'k', '1')"))
    other = sqlite3.connect(path, isolation_level=None)
    with database.write() as session:
        assert session.scalar(text("SELECT value FROM tags")) == "1"
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("PRAGMA busy_timeout=0") and other.execute("UPDATE tags SET value = '2'")
    other.close()


def test_failed_block_changes_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write() as session:
        session.execute(text("INSERT INTO tags VALUES ('a', 'k', '1')"))
        raise RuntimeError
    with database.read() as session:
        assert session.scalar(text("SELECT count(*) FROM tags")) == 0


def test_a_file_that_is_no_database_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("no database " * 100)
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    with pytest.raises(
        PlatformError, match="x.db cannot be opened: file is not a database.*IRONWORKS_DATABASE"
    ):
        bring_up_to_date(database)
    database.close()


@pytest.mark.parametrize(
    "url", ["nonsense", "unknown://me:secret@host/x", "mysql+nodriver://me:secret@host/x"]
)
def test_a_url_that_cannot_be_used_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(PlatformError, match="IRONWORKS_DATABASE_URL cannot be used") as raised:
        Database(url)
    assert "secret" not in str(raised.value)
