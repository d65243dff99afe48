"""What the instances of endpoints use of this machine."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import psutil
from sqlalchemy import select

from ironworks.control.platform import Platform
from ironworks.control.records import Instance, Resource
from ironworks.executors import Handle
from ironworks.executors.local import CLOCK_TOLERANCE
from ironworks.server.metrics.registry import Metrics

log = logging.getLogger(__name__)

INTERVAL = 15.0
"""Seconds between two looks at the instances."""


@dataclass(frozen=True)
class InstanceUse:
    """One instance that runs.

    Attributes:
        arn: its endpoint's.
        resident: bytes of memory, of its workers too.
        cpu_seconds: of user and system, since it began, likewise.
    """

    arn: str
    variant: str
    id: str
    resident: int
    cpu_seconds: float


def instance_uses(platform: Platform) -> list[InstanceUse]:
    """All instances that run, by endpoint, variant and id."""
    with platform.database.read() as session:
        rows = session.execute(
            select(Resource.arn, Instance.variant, Instance.id, Instance.process)
            .join(Resource, Resource.id == Instance.endpoint_id)
            .order_by(Resource.arn, Instance.variant, Instance.id)
        ).all()
    uses = (_use(arn, variant, instance_id, process) for arn, variant, instance_id, process in rows)
    return [use for use in uses if use is not None]


def _use(arn: str, variant: str, instance_id: str, process: Mapping[str, float]) -> InstanceUse | None:
    handle = Handle.from_dict(process)
    try:
        found = psutil.Process(handle.pid)
        if abs(found.create_time() - handle.started) > CLOCK_TOLERANCE:
            return None
        resident, seconds = _used(found)
        for worker in found.children(recursive=True):
            with suppress(psutil.Error):  # it has ended since, and its time is among its parent's
                memory, time_used = _used(worker)
                resident, seconds = resident + memory, seconds + time_used
    except psutil.Error:
        return None
    return InstanceUse(arn, variant, instance_id, resident, seconds)


def _used(process: psutil.Process) -> tuple[int, float]:
    """Bytes of memory, and seconds of the process and of those of its children that have ended."""
    with process.oneshot():
        return process.memory_info().rss, sum(process.cpu_times()[:4])


class InstanceSampler:
    """Looks at the instances now and then, and adds what it sees to the metrics of their variants."""

    def __init__(self, platform: Platform, metrics: Metrics, interval: float = INTERVAL) -> None:
        self._platform = platform
        self._metrics = metrics
        self._interval = interval
        self._memory = psutil.virtual_memory().total
        self._last: dict[str, tuple[float, float]] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()
        self._thread.join()

    def look(self) -> None:
        """Add what each instance used since the last look; of one that is new nothing is known yet."""
        seen = {}
        for use in instance_uses(self._platform):
            now = time.monotonic()
            seen[use.id] = now, use.cpu_seconds
            if use.id in self._last:
                then, before = self._last[use.id]
                cpu = 100 * max(use.cpu_seconds - before, 0) / (now - then)
                self._metrics.sample(use.arn, use.variant, cpu, 100 * use.resident / self._memory)
        self._last = seen
        self._metrics.forget_idle()

    def _run(self) -> None:
        while not self._stopping.wait(self._interval):
            try:
                self.look()
            except Exception:  # a database that is busy or away must not end the looking
                log.exception("The instances could not be looked at")
