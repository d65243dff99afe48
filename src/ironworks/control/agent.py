"""The process of one job: `python -m ironworks.control.agent ARN`.

It is started by the reconciler and needs no living server: what happens to the job it writes to the
database itself. SIGTERM asks it to stop the job.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from collections.abc import Mapping

import psutil

from ironworks.control.job import Job, directory, log_path
from ironworks.control.jobs import KINDS
from ironworks.control.platform import Platform
from ironworks.control.records import Resource
from ironworks.errors import IronworksError, PlatformError
from ironworks.executors import Handle, local
from ironworks.home import Home

SERVICE_VARIABLES = (
    "AWS_ENDPOINT_URL",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
)
"""What a job's own processes are given so that their boto3 finds this installation."""


def main(arn: str, environ: Mapping[str, str] = os.environ) -> None:
    """Run the job to its end, whatever that is."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    home = Home.from_environment(environ)
    platform = Platform.open(home, account=arn.split(":")[4])
    resource = platform.resources.get_by_arn(arn)
    if resource is None or not _claim(platform, resource, stop):
        platform.close()
        return
    services = {name: environ[name] for name in SERVICE_VARIABLES if name in environ}
    folder = directory(home, resource)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    try:
        _perform(Job(platform, resource, folder, stop, services))
        log_path(home, resource).unlink(missing_ok=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        platform.close()


def _claim(platform: Platform, resource: Resource, stop: threading.Event) -> bool:
    """Enter this process as the job's. False if another one has the job, or if it was stopped before it began.

    The server that started this process may have died before it could write the process down; the next
    server may then have started a second one. A wish to stop that came first sets `stop`.
    """
    kind = next(kind for kind in KINDS if kind.name == resource.kind)
    mine = Handle(os.getpid(), psutil.Process().create_time())
    claimed = False

    def enter(row: Resource) -> None:
        nonlocal claimed
        other = Handle.from_dict(row.process) if row.process is not None else mine
        claimed = row.status in kind.running and (other.pid == mine.pid or not local.alive(other))
        if claimed:
            row.process = mine.to_dict()
            if row.status == kind.stopping:
                stop.set()

    platform.resources.change(resource.id, enter)
    return claimed


def _perform(job: Job) -> None:
    # Imported here: a compilation needs onnx, a training job does not, and a job waits for these imports.
    if job.resource.kind == "training-job":
        from ironworks.control.training_agent import fail, run
    else:
        from ironworks.control.compilation_agent import fail, run
    try:
        run(job)
    except IronworksError as error:
        fail(job, error)
    except Exception as error:
        fail(job, PlatformError(f"The job's agent failed: {error!r}. The job's log file has the traceback."))
        raise


if __name__ == "__main__":
    main(sys.argv[1])
