"""Fixtures that several rooms' tests use."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ironworks.database import Database
from ironworks.database.schema import bring_up_to_date
from ironworks.home import Home


@pytest.fixture
def home() -> Iterator[Home]:
    """An empty home of its own. Its path is short: Unix sockets lie in it."""
    path = Path(tempfile.mkdtemp(prefix="iw-"))
    home = Home.from_environment({"IRONWORKS_HOME": str(path)})
    home.create()
    yield home
    shutil.rmtree(path)


@pytest.fixture
def database(home: Home) -> Iterator[Database]:
    """The home's database, with all its tables."""
    database = Database(home.database_url)
    bring_up_to_date(database)
    yield database
    database.close()
