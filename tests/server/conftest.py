"""A running wire, one a module of tests."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ironworks.home import Home
from tests.server.wire import Wire, serve


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    path = Path(tempfile.mkdtemp(prefix="iw-"))
    try:
        with serve(Home.from_environment({"IRONWORKS_HOME": str(path)})) as running:
            yield running
    finally:
        shutil.rmtree(path)
