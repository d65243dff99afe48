"""An opened installation with an endpoint whose instance is a process of the tests."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from ironworks.control import endpoints
from ironworks.control.platform import Platform
from ironworks.control.records import Instance, Resource
from ironworks.database import Database, utc_now
from ironworks.home import Home

REGION = "us-west-2"


@pytest.fixture
def platform(home: Home, database: Database) -> Iterator[Platform]:
    platform = Platform.open(home, "123456789012")
    yield platform
    platform.close()


@pytest.fixture
def endpoint(platform: Platform) -> Resource:
    arn = platform.arn(REGION, endpoints.KIND, "digits")
    return platform.resources.create(
        endpoints.KIND, REGION, "digits", arn, status="InService", request={}, state={}
    )


@pytest.fixture
def process() -> Iterator[psutil.Process]:
    command = [sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()  # now it has the memory that it will have
        yield psutil.Process(child.pid)
        child.communicate(b"\n")


def add_instance(platform: Platform, endpoint: Resource, pid: int, started: float, name: str = "i-1") -> None:
    """Write down an instance of the variant `blue`."""
    with platform.database.write() as session:
        session.add(
            Instance(
                id=name, endpoint_id=endpoint.id, variant="blue", process={"pid": pid, "started": started},
                generation=1, ready=True, ending=False, started_at=utc_now(), log_offset=0,
            )
        )  # fmt: skip
