"""One loop that makes what runs equal to what is asked for.

Creating, deleting, replacing what died and going on after a restart of the server are all the same: read
the desired state, look at what runs, do the difference.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ironworks.control.alarm import Alarm
from ironworks.control.endpoint_controller import EndpointController
from ironworks.control.jobs import JobController
from ironworks.control.platform import Platform
from ironworks.control.routes import Router
from ironworks.executors import Executor

log = logging.getLogger(__name__)

BUSY_SECONDS = 0.02
IDLE_SECONDS = 0.25


class Reconciler:
    """The loop, in a thread of the server."""

    def __init__(
        self,
        platform: Platform,
        executor: Executor,
        services: Mapping[str, str],
        router: Router,
        slots: int,
    ) -> None:
        self._jobs = JobController(platform, executor, services, slots)
        self._endpoints = EndpointController(platform, executor, services, router)
        self._alarm = Alarm(executor)
        self._ending = False
        self._thread = threading.Thread(target=self._loop, name="reconciler", daemon=True)

    def start(self) -> None:
        """Begin. The first round is over on return, so that endpoints of before are served again at once."""
        for controller in (self._jobs, self._endpoints):
            with _outlived():
                controller.sweep()
        self._round()
        self._thread.start()

    def wake(self) -> None:
        """Something was asked for: look at once."""
        self._alarm.wake()

    def stop(self) -> None:
        """End after the present round; jobs and instances go on."""
        self._ending = True
        self._alarm.wake()
        self._thread.join()
        self._endpoints.close()
        self._alarm.close()

    def _loop(self) -> None:
        while not self._ending:
            busy = self._round()
            with _outlived():
                self._alarm.watch(self._endpoints.processes)
            self._alarm.wait(BUSY_SECONDS if busy else IDLE_SECONDS)

    def _round(self) -> bool:
        busy = False
        for controller in (self._jobs, self._endpoints):
            with _outlived():
                busy |= controller.reconcile()
        return busy


@contextmanager
def _outlived() -> Iterator[None]:
    try:
        yield
    except Exception:
        # The loop must outlive a full disk or a locked database: it says what happened and tries again.
        log.exception("The reconciler failed and goes on")
