"""Jobs with and without a sandbox."""

from __future__ import annotations

import pytest
from tests.training.service import BUCKET, NAME, Service

from ironworks.database import Database
from ironworks.home import Home
from ironworks.objects import LocalObjects
from ironworks.training import sandbox as sandboxes


@pytest.fixture
def store(database: Database, home: Home) -> LocalObjects:
    store = LocalObjects(database, home.objects)
    store.buckets.create(BUCKET, "us-west-2")
    return store


@pytest.fixture
def plain(store: LocalObjects, home: Home, monkeypatch: pytest.MonkeyPatch) -> Service:
    """Jobs without a sandbox."""
    monkeypatch.setenv("IRONWORKS_SANDBOX", "none")
    return Service(store, home.jobs / NAME, home.path)


@pytest.fixture
def sandboxed(store: LocalObjects, home: Home, monkeypatch: pytest.MonkeyPatch) -> Service:
    """Jobs in bubblewrap."""
    if fault := sandboxes.probe():
        pytest.skip(fault)
    monkeypatch.setenv("IRONWORKS_SANDBOX", "bubblewrap")
    return Service(store, home.jobs / NAME, home.path)


@pytest.fixture(params=["plain", "sandboxed"])
def service(request: pytest.FixtureRequest) -> Service:
    """Jobs, once without and once with a sandbox."""
    found: Service = request.getfixturevalue(request.param)
    return found
