"""What the agent of a job works with."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ironworks.control.platform import Platform
from ironworks.control.records import Resource


@dataclass(frozen=True)
class Job:
    """One job, and what its agent has for it.

    Attributes:
        resource: its record, as it was when the agent began.
        directory: an empty folder of its own, removed at the job's end.
        stop: set when the job is to be stopped.
        services: the `AWS_*` variables with which the job's own processes find this installation.
    """

    platform: Platform
    resource: Resource
    directory: Path
    stop: threading.Event
    services: Mapping[str, str]
