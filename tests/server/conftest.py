"""A running wire, and a running gateway before an application that echoes; each one a module of tests."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ironworks.home import Home
from ironworks.server.authority import Authority
from tests.server.running import Running, running
from tests.server.wire import Wire, serve


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    path = Path(tempfile.mkdtemp(prefix="iw-"))
    try:
        with serve(Home.from_environment({"IRONWORKS_HOME": str(path)})) as running:
            yield running
    finally:
        shutil.rmtree(path)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.open(tmp_path_factory.mktemp("installation") / "ca")


@pytest.fixture(scope="module")
def lasting_server(authority: Authority) -> Iterator[Running]:
    with running(authority) as found:
        yield found


@pytest.fixture
def server(lasting_server: Running) -> Iterator[Running]:
    """A server of which each test must leave nothing behind: no connection, no task, no complaint."""
    yield lasting_server
    lasting_server.wait_until_idle()
    assert lasting_server.complaints == []
