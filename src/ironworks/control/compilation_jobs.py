"""The states of a compilation job (WIRE: STARTING → INPROGRESS → COMPLETED | FAILED, STOPPING → STOPPED)."""

from __future__ import annotations

from ironworks.control.platform import Platform
from ironworks.control.records import Document, Resource
from ironworks.database import utc_now

KIND = "compilation-job"
RUNNING = ("STARTING", "INPROGRESS", "STOPPING")
LOG_GROUP = "/aws/sagemaker/CompilationJobs"


def create(platform: Platform, region: str, request: Document) -> Resource:
    """Store a job that the reconciler will start.

    Raises:
        AlreadyExists: the name is taken.
    """
    name = request["CompilationJobName"]
    arn = platform.arn(region, KIND, name)
    return platform.resources.create(KIND, region, name, arn, status="STARTING", request=request, state={})


def begin(resource: Resource) -> None:
    """The agent has begun its work."""
    if resource.status == "STARTING":
        resource.status = "INPROGRESS"
        resource.state = {**resource.state, "CompilationStartTime": utc_now().timestamp()}


def finish(resource: Resource, status: str, outcome: Document) -> None:
    """Bring a job to its end. One that has ended already is left as it is."""
    if resource.status in RUNNING:
        resource.status = status
        resource.state = {**resource.state, **outcome, "CompilationEndTime": utc_now().timestamp()}


def fail(resource: Resource, reason: str) -> None:
    """End a job with a FailureReason."""
    finish(resource, "FAILED", {"FailureReason": reason})


def stop(resource: Resource) -> None:
    """End a job that nothing runs any more, as one that was stopped."""
    finish(resource, "STOPPED", {})


def request_stop(resource: Resource) -> None:
    """Ask a running job to stop; one that never started is stopped at once."""
    if resource.status in RUNNING:
        if resource.process is None:
            stop(resource)
        else:
            resource.status = "STOPPING"
