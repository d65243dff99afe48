"""What the agent of a training job does: run it, and write down what happens."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from ironworks.control import training_jobs, training_metrics
from ironworks.control.job import Job
from ironworks.control.logs import Line, append_lines
from ironworks.errors import IronworksError
from ironworks.training import TrainingResult, TrainingSpec, run_training

_FAILED = ("Failed", "Failed", "Training job failed")
_ENDINGS = {
    "Completed": ("Completed", "Completed", "Training job completed"),
    "Stopped": training_jobs.STOPPED,
    "MaxRuntimeExceeded": (
        "Stopped",
        "MaxRuntimeExceeded",
        "The training job reached its MaxRuntimeInSeconds and was stopped",
    ),
}


class JobObserver:
    """Writes a training job's progress to its record, its lines to its log stream and what it measures beside them."""

    def __init__(self, job: Job) -> None:
        self._platform = job.platform
        self._resource = job.resource
        self._stream = f"{job.resource.name}/algo-1-{int(time.time())}"
        self._metrics: dict[str, dict[str, Any]] = {}
        self._values: list[training_metrics.Value] = []

    def status(self, secondary: str, message: str) -> None:
        """Enter a secondary status."""
        self._platform.resources.change(
            self._resource.id, lambda resource: training_jobs.advance(resource, secondary, message)
        )

    def log(self, lines: Sequence[Line]) -> None:
        """Append lines to the job's log stream, and keep the values of metrics that were found in them."""
        values, self._values = self._values, []
        with self._platform.database.write() as session:
            append_lines(session, self._resource.region, training_jobs.LOG_GROUP, self._stream, lines)
            training_metrics.add(session, self._resource.id, values)

    def metric(self, name: str, value: float, at: float) -> None:
        """Remember a metric's value until its line is written, and the newest one; `at` is seconds since 1970."""
        self._values.append((name, value, at))
        self._metrics[name] = {"MetricName": name, "Value": value, "Timestamp": at}

    def outcome(self) -> dict[str, Any]:
        """The members of Describe's answer that are known so far."""
        return {"FinalMetricDataList": list(self._metrics.values())} if self._metrics else {}


def run(job: Job) -> None:
    """Run the job and write its end to its record."""
    resource, platform = job.resource, job.platform
    spec = TrainingSpec.from_request(
        resource.request, region=resource.region, account=platform.account, arn=resource.arn
    )
    observer = JobObserver(job)
    try:
        result = run_training(
            spec,
            store=platform.objects,
            directory=job.directory,
            environments=platform.environments,
            observer=observer,
            stop=job.stop,
            services=job.services,
            hidden=[platform.home.path],
        )
    except IronworksError as error:
        _finish(job, _FAILED, {"FailureReason": error.failure_reason, **observer.outcome()})
        return
    _finish(job, _ENDINGS[result.outcome], {**observer.outcome(), **_artifacts(result)})


def fail(job: Job, error: IronworksError) -> None:
    """End the job with the error as its FailureReason."""
    _finish(job, _FAILED, {"FailureReason": error.failure_reason})


def _artifacts(result: TrainingResult) -> dict[str, Any]:
    outcome: dict[str, Any] = {"TrainingEndTime": result.training_ended}
    if result.model_artifacts is not None:
        outcome["ModelArtifacts"] = {"S3ModelArtifacts": result.model_artifacts}
    return outcome


def _finish(job: Job, ending: tuple[str, str, str], outcome: dict[str, Any]) -> None:
    job.platform.resources.change(job.resource.id, lambda row: training_jobs.finish(row, *ending, outcome))
