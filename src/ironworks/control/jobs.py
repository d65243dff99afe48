"""Starts the agents of jobs that wait, passes on requests to stop, and notices agents that died."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from ironworks.control import compilation_jobs, training_jobs
from ironworks.control.job import directory, log_path, sweep
from ironworks.control.platform import Platform
from ironworks.control.records import Resource
from ironworks.errors import IronworksError
from ironworks.executors import Executor, Handle

log = logging.getLogger(__name__)

DIED = (
    "InternalServerError: the process of this job ended without finishing it (it was killed, or the machine "
    "was restarted or ran out of memory). Create the job again."
)


class Stop(Protocol):
    """Ends a job as one that was stopped, unless it has ended already."""

    def __call__(self, resource: Resource) -> None: ...


class Fail(Protocol):
    """Ends a job with a FailureReason, unless it has ended already."""

    def __call__(self, resource: Resource, reason: str) -> None: ...


@dataclass(frozen=True)
class JobKind:
    """What the controller must know of a kind of job."""

    name: str
    running: tuple[str, ...]
    stopping: str
    stop: Stop
    fail: Fail

    def bury(self, job: Resource, reason: str) -> None:
        """End a job whose agent is gone: as stopped if that was asked for, else with a FailureReason."""
        if job.status == self.stopping:
            self.stop(job)
        else:
            self.fail(job, reason)


KINDS = (
    JobKind(training_jobs.KIND, training_jobs.RUNNING, "Stopping", training_jobs.stop, training_jobs.fail),
    JobKind(
        compilation_jobs.KIND,
        compilation_jobs.RUNNING,
        "STOPPING",
        compilation_jobs.stop,
        compilation_jobs.fail,
    ),
)


class JobController:
    """Brings jobs from "asked for" to "running" and notices how they end.

    At most `slots` jobs of a kind run at a time; the rest wait in the order in which they were created.
    """

    def __init__(
        self, platform: Platform, executor: Executor, services: Mapping[str, str], slots: int
    ) -> None:
        self._platform = platform
        self._executor = executor
        self._services = services
        self._slots = slots
        self._told_to_stop: set[int] = set()

    def sweep(self) -> None:
        """Remove what agents left that were killed while no server ran."""
        sweep(
            self._platform,
            {
                job.id
                for kind in KINDS
                for job in self._platform.resources.with_status(kind.name, *kind.running)
            },
        )

    def reconcile(self) -> bool:
        """Do the difference between what jobs should be doing and what runs. True when some were started."""
        started_some = False
        for kind in KINDS:
            jobs = self._platform.resources.with_status(kind.name, *kind.running)
            started = [job for job in jobs if job.process is not None]
            waiting = [job for job in jobs if job.process is None]
            alive = [job for job in started if self._check(job, kind)]
            for job in waiting[: max(0, self._slots - len(alive))]:
                self._start(job, kind)
                started_some = True
        return started_some

    def _check(self, job: Resource, kind: JobKind) -> bool:
        handle = Handle.from_dict(job.process or {})
        if not self._executor.alive(handle):
            self._bury(job, kind)
            return False
        if job.status == kind.stopping and job.id not in self._told_to_stop:
            self._told_to_stop.add(job.id)
            self._executor.signal(handle, signal.SIGTERM)
        return True

    def _bury(self, job: Resource, kind: JobKind) -> None:
        # The agent may have written the job's end after this job was read: such a job is left alone.
        self._told_to_stop.discard(job.id)
        self._executor.kill_group(Handle.from_dict(job.process or {}))
        shutil.rmtree(directory(self._platform.home, job), ignore_errors=True)
        if job.status == kind.stopping:
            log_path(self._platform.home, job).unlink(missing_ok=True)
        self._platform.resources.change(job.id, partial(kind.bury, reason=DIED))

    def _start(self, job: Resource, kind: JobKind) -> None:
        try:
            handle = self._executor.start(
                [sys.executable, "-m", "ironworks.control.agent", job.arn],
                env={
                    **os.environ,
                    **self._services,
                    "AWS_DEFAULT_REGION": job.region,
                    "AWS_REGION": job.region,
                },
                cwd=self._platform.home.path,
                log=log_path(self._platform.home, job),
            )
        except IronworksError as error:
            self._platform.resources.change(job.id, partial(kind.fail, reason=error.failure_reason))
            return
        log.info("%s %s started (process %d)", job.kind, job.name, handle.pid)

        def remember(row: Resource) -> None:
            # An agent that a killed server started may have entered itself in the meantime.
            if row.process is None:
                row.process = handle.to_dict()

        self._platform.resources.change(job.id, remember)
