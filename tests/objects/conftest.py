"""A store of its own for each test."""

from __future__ import annotations

import pytest

from ironworks.database import Database
from ironworks.home import Home
from ironworks.objects import LocalObjects


@pytest.fixture
def store(database: Database, home: Home) -> LocalObjects:
    """An empty store with the bucket `bucket`."""
    store = LocalObjects(database, home.objects)
    store.buckets.create("bucket")
    return store
