"""The tables' versions: a database is brought up to date when a server opens it."""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from ironworks.database.engine import Database
from ironworks.errors import PlatformError

MIGRATIONS = Path(__file__).parent / "migrations"


def newest_version() -> str:
    """The version that the newest migration leads to: files are named `NNNN_subject.py` after their revision."""
    return max(path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def version(database: Database) -> str | None:
    """The version that a database is at; None for an empty one.

    Raises:
        PlatformError: it cannot be opened.
    """
    try:
        if not inspect(database.engine).has_table("alembic_version"):
            return None
        with database.engine.connect() as connection:
            present: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    except DBAPIError as error:
        raise PlatformError(
            f"The database {database.url} cannot be opened: {error.orig}. See that it is there and is Ironworks', or "
            "correct IRONWORKS_DATABASE_URL."
        ) from error
    return present


def bring_up_to_date(database: Database) -> None:
    """Apply the migrations that a database lacks.

    Raises:
        PlatformError: the database was made by a newer Ironworks.
    """
    present, newest = version(database), newest_version()
    if present == newest:
        return
    if present is not None and present > newest:
        raise PlatformError(
            f"The database {database.url} has version {present} and this Ironworks knows up to {newest}. "
            "Upgrade Ironworks, or choose another IRONWORKS_HOME."
        )
    # Imported here: a start with nothing to migrate need not wait for it.
    from alembic import command
    from alembic.config import Config

    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
