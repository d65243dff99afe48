"""A job as its agent sees it, and where its files are."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from ironworks.control.platform import Platform
from ironworks.control.records import Resource
from ironworks.home import Home


def directory(home: Home, job: Resource) -> Path:
    """The folder that a running job works in; it is removed at the job's end."""
    return home.jobs / str(job.id)


def log_path(home: Home, job: Resource) -> Path:
    """What the agent itself prints; it is kept when the agent fails."""
    return home.jobs / f"{job.id}.log"


def discard(platform: Platform, job: Resource) -> None:
    """Remove the record of a job that has ended, and what its agent printed."""
    platform.resources.delete(job)
    log_path(platform.home, job).unlink(missing_ok=True)


def sweep(platform: Platform, running: Collection[int]) -> None:
    """Remove what killed agents left: the folders of jobs that are not `running`, the output of deleted ones."""
    for path in platform.home.jobs.iterdir():
        if not path.stem.isdecimal() or int(path.stem) in running:
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif not platform.resources.exists(int(path.stem)):
            path.unlink(missing_ok=True)


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
