"""The migrations lead to exactly the tables that the code declares."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import text

import ironworks.control.logs
import ironworks.control.records
import ironworks.control.training_metrics
import ironworks.objects.tables  # noqa: F401
from ironworks.database import Database, Table
from ironworks.database.schema import MIGRATIONS, bring_up_to_date, newest_version, version
from ironworks.errors import PlatformError

BEFORE = "0001"
"""The version before plans had generations."""


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


def test_endpoints_of_before_plans_had_generations_are_carried_over_and_back(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    variant = {"name": "blue", "instance_count": 2, "weight": 1.0, "model_data": "s3://b/m"}
    before = {"Plan": [variant], "FailureReason": "none"}
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, BEFORE)
        connection.execute(
            text(
                "INSERT INTO resources (id, kind, region, name, arn, status, created_at, modified_at, request, state)"
                " VALUES (1, 'endpoint', 'r', 'e', 'arn', 'InService', '2026-01-01', '2026-01-01',"
                """ '{"EndpointConfigName": "c"}', :state)"""
            ),
            {"state": json.dumps(before)},
        )
        connection.execute(
            text("INSERT INTO instances VALUES ('i-1', 1, 'blue', '{}', 1, '2026-01-01 00:00:00', 0)")
        )
        command.upgrade(config, "head")
        plan = json.loads(connection.scalar(text("SELECT state FROM resources")))["Plan"]
        assert plan == {
            "generation": 1,
            "config": "c",
            "variants": [{**variant, "folder": "blue", "address": ""}],
            "deadline": None,
        }
        assert connection.execute(text("SELECT generation, ending FROM instances")).one() == (1, 0)
        command.downgrade(config, BEFORE)
        assert json.loads(connection.scalar(text("SELECT state FROM resources"))) == before
        connection.execute(text("SELECT id, log_offset FROM instances")).one()
    database.close()
