"""The states of a training job (WIRE: InProgress → Completed | Failed | Stopping → Stopped)."""

from __future__ import annotations

from ironworks.control.platform import Platform
from ironworks.control.records import Document, Resource
from ironworks.database import utc_now
from ironworks.training import TrainingSpec

KIND = "training-job"
RUNNING = ("InProgress", "Stopping")
LOG_GROUP = "/aws/sagemaker/TrainingJobs"
STOPPED = ("Stopped", "Stopped", "Training job stopped")
"""Status, secondary status and message of a job that was stopped."""


def create(platform: Platform, region: str, request: Document) -> Resource:
    """Store a job that the reconciler will start.

    Raises:
        ClientError: the request asks for something that cannot be done here.
        AlreadyExists: the name is taken.
    """
    name = request["TrainingJobName"]
    arn = platform.arn(region, KIND, name)
    TrainingSpec.from_request(request, region=region, account=platform.account, arn=arn)
    state: Document = {"SecondaryStatusTransitions": []}
    enter(state, "Starting", "Launching the training job")
    return platform.resources.create(
        KIND, region, name, arn, status="InProgress", request=request, state=state
    )


def enter(state: Document, secondary: str, message: str) -> None:
    """Go on to a secondary status: the one before ends now; nothing is taken back."""
    now = utc_now().timestamp()
    transitions = state["SecondaryStatusTransitions"]
    if transitions and transitions[-1]["Status"] == secondary:
        transitions[-1]["StatusMessage"] = message
        return
    if transitions:
        transitions[-1]["EndTime"] = now
    transitions.append({"Status": secondary, "StartTime": now, "StatusMessage": message})
    state["SecondaryStatus"] = secondary


def finish(resource: Resource, status: str, secondary: str, message: str, outcome: Document) -> None:
    """Bring a job to its end. One that has ended already is left as it is."""
    if resource.status not in RUNNING:
        return
    # A wish to stop that came too late to cut anything short is met all the same.
    if resource.status == "Stopping" and status == "Completed":
        status, secondary, message = STOPPED
    state = {**_copy(resource.state), **outcome}
    enter(state, secondary, message)
    now = utc_now().timestamp()
    state["SecondaryStatusTransitions"][-1]["EndTime"] = now
    state.setdefault("TrainingEndTime", now)
    state.setdefault("TrainingStartTime", state["TrainingEndTime"])
    seconds = max(1, round(state["TrainingEndTime"] - state["TrainingStartTime"]))
    state["TrainingTimeInSeconds"] = state["BillableTimeInSeconds"] = seconds
    resource.status = status
    resource.state = state


def fail(resource: Resource, reason: str) -> None:
    """End a job with a FailureReason."""
    finish(resource, "Failed", "Failed", "Training job failed", {"FailureReason": reason})


def stop(resource: Resource) -> None:
    """End a job that nothing runs any more, as one that was stopped."""
    finish(resource, *STOPPED, {})


def advance(resource: Resource, secondary: str, message: str) -> None:
    """Enter a secondary status in the record of a running job. One that has ended is left as it is."""
    if resource.status not in RUNNING:
        return
    state = _copy(resource.state)
    enter(state, secondary, message)
    if secondary == "Training":
        state.setdefault("TrainingStartTime", state["SecondaryStatusTransitions"][-1]["StartTime"])
    resource.state = state


def request_stop(resource: Resource) -> None:
    """Ask a running job to stop; its agent does the rest. One that never started is stopped at once."""
    if resource.status != "InProgress":
        return
    if resource.process is None:
        stop(resource)
        return
    advance(resource, "Stopping", "Stopping the training job")
    resource.status = "Stopping"


def _copy(state: Document) -> Document:
    # A new object: SQLAlchemy compares documents to see whether a row has changed.
    return {**state, "SecondaryStatusTransitions": [dict(t) for t in state["SecondaryStatusTransitions"]]}
