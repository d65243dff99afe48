"""Ending everything that outlives the server."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import select

from ironworks.control import instances
from ironworks.control.jobs import KINDS
from ironworks.control.records import Instance, Resource
from ironworks.control.resources import Resources
from ironworks.database import Database
from ironworks.database.schema import version
from ironworks.executors import Executor, Handle, local
from ironworks.home import Home

GRACE_SECONDS = 10.0
POLL_SECONDS = 0.02
STOPPED = (
    "InternalServerError: the job was ended by 'ironworks down --all'. Create the job again to run it anew."
)


@dataclass(frozen=True)
class Survivor:
    """A process that a server started and that goes on without it."""

    name: str
    handle: Handle


def survivors(home: Home, executor: Executor = local) -> list[Survivor]:
    """What runs on a home beside its server: agents of jobs, instances of endpoints."""
    database = Database(home.database_url)
    try:
        if version(database) is None:
            return []
        found = [*_agents(database), *_instances(home, database)]
    finally:
        database.close()
    return [survivor for survivor in found if executor.alive(survivor.handle)]


def stop_all(home: Home, executor: Executor = local, grace: float = GRACE_SECONDS) -> list[str]:
    """End the jobs and the endpoint instances of a home whose server is down; answers what was ended.

    Jobs are asked to stop, and ended by force after `grace` seconds. Endpoints keep their plans: the next
    server reads what their instances printed last, and starts new ones.
    """
    running = survivors(home, executor)
    for survivor in running:
        executor.signal(survivor.handle, signal.SIGTERM)
    _wait(running, executor, grace)
    for survivor in running:
        executor.kill_group(survivor.handle)
    if running:
        _fail_jobs(home)
    return [survivor.name for survivor in running]


def _agents(database: Database) -> list[Survivor]:
    resources = Resources(database)
    return [
        Survivor(f"{job.kind} {job.name}", Handle.from_dict(job.process))
        for kind in KINDS
        for job in resources.with_status(kind.name, *kind.running)
        if job.process is not None
    ]


def _instances(home: Home, database: Database) -> list[Survivor]:
    query = select(Instance, Resource.name).join(Resource, Resource.id == Instance.endpoint_id)
    with database.read() as session:
        rows = [(instance, name) for instance, name in session.execute(query)]
    strays = instances.strays(home, [instance.id for instance, _ in rows])
    return [
        *(
            Survivor(f"instance {instance.id} of endpoint {name}", Handle.from_dict(instance.process))
            for instance, name in rows
        ),
        *(Survivor(f"instance of no endpoint, process {handle.pid}", handle) for handle, _ in strays),
    ]


def _wait(running: Sequence[Survivor], executor: Executor, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and any(executor.alive(survivor.handle) for survivor in running):
        time.sleep(POLL_SECONDS)


def _fail_jobs(home: Home) -> None:
    database = Database(home.database_url)
    resources = Resources(database)
    for kind in KINDS:
        for job in resources.with_status(kind.name, *kind.running):
            if job.process is not None:
                resources.change(job.id, partial(kind.bury, reason=STOPPED))
    database.close()
