"""When a job must end although its script has not: it was stopped, or its time is over."""

from __future__ import annotations

import threading
import time
from typing import Literal

Interruption = Literal["Stopped", "MaxRuntimeExceeded"]


class Interrupted(Exception):
    """Breaks off what the job is doing; not an error."""

    def __init__(self, cause: Interruption) -> None:
        super().__init__(cause)
        self.cause = cause


class Limits:
    """What may end a job early.

    Attributes:
        grace: seconds between SIGTERM and SIGKILL.
    """

    def __init__(self, stop: threading.Event, max_runtime: float, grace: float) -> None:
        self.grace = grace
        self._stop = stop
        self._max_runtime = max_runtime
        self._deadline = float("inf")

    def begin_training(self) -> None:
        """The time allowed runs from now."""
        self._deadline = time.monotonic() + self._max_runtime

    def reached(self) -> Interruption | None:
        """Why the job must end now, if it must."""
        if self._stop.is_set():
            return "Stopped"
        return "MaxRuntimeExceeded" if time.monotonic() >= self._deadline else None

    def check(self) -> None:
        """Go on only if the job may.

        Raises:
            Interrupted: it must end.
        """
        cause = self.reached()
        if cause is not None:
            raise Interrupted(cause)
