"""`ironworks job`: all that is known of one job."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ironworks.cli.completion import job_names
from ironworks.cli.connection import connect
from ironworks.cli.kinds import JOBS, TRAINING, Description, Kind, find
from ironworks.cli.options import HomeOption, JsonOption, RegionOption
from ironworks.cli.screen import between, facts, moment, output, plain, print_json, state, table

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text


def job(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The job.", autocompletion=job_names)],
    as_json: JsonOption = False,
    region: RegionOption = None,
    home: HomeOption = None,
) -> None:
    """Show all that is known of a job.

    Its phases and times, what it was given, its metrics and results, and why it failed.
    """
    found = find(connect(home, region).client("sagemaker"), name, JOBS)
    if as_json:
        # A training and a compilation job may have one name: then it is both, each under its kind.
        print_json(next(iter(found.values())) if len(found) == 1 else {k.short: v for k, v in found.items()})
        return
    console = output()
    for kind, description in found.items():
        console.print(plain(f"{kind.label} {name}", "bold"))
        for title, part in _parts(kind, description):
            if title:
                console.print()
                console.print(plain(title, "bold"))
            console.print(part)


def _parts(kind: Kind, job: Description) -> Iterator[tuple[str, Table]]:
    """The titles and tables to show, one after another."""
    yield "", facts(_training(job) if kind is TRAINING else _compilation(job))
    if job.get("SecondaryStatusTransitions"):
        yield "Phases", _phases(job["SecondaryStatusTransitions"])
    given = {name: _decoded(value) for name, value in _hyperparameters(job).items() if not _internal(name)}
    if given:
        yield "Hyperparameters", facts(given)
    if job.get("FinalMetricDataList"):
        yield "Metrics", _metrics(job["FinalMetricDataList"])


def _training(job: Description) -> dict[str, object]:
    resources = job["ResourceConfig"]
    return {
        "status": state(job["TrainingJobStatus"]),
        "reason": _reason(job),
        "created": moment(job["CreationTime"]),
        "trained for": between(job.get("TrainingStartTime"), job.get("TrainingEndTime")),
        "script": _decoded(_hyperparameters(job).get("sagemaker_program", "")),
        "image": job["AlgorithmSpecification"].get("TrainingImage"),
        "instances": f"{resources.get('InstanceCount', 1)} × {resources.get('InstanceType', '')}",
        "channels": [
            f"{channel['ChannelName']}  {channel['DataSource']['S3DataSource']['S3Uri']}"
            for channel in job.get("InputDataConfig", [])
        ],
        "model": job["ModelArtifacts"]["S3ModelArtifacts"],
        "its log": f"ironworks logs {job['TrainingJobName']}",
    }


def _compilation(job: Description) -> dict[str, object]:
    asked, result = job["InputConfig"], job["OutputConfig"]
    return {
        "status": state(job["CompilationJobStatus"]),
        "reason": _reason(job),
        "created": moment(job["CreationTime"]),
        "compiled for": between(job.get("CompilationStartTime"), job.get("CompilationEndTime")),
        "framework": asked["Framework"],
        "inputs": asked.get("DataInputConfig"),
        "target": result.get("TargetDevice") or " ".join(result.get("TargetPlatform", {}).values()),
        "options": result.get("CompilerOptions"),
        "original": asked["S3Uri"],
        "artifact": job["ModelArtifacts"]["S3ModelArtifacts"],
        "its log": f"ironworks logs {job['CompilationJobName']}",
    }


def _reason(job: Description) -> Text:
    return plain(job.get("FailureReason", ""), "red")


def _phases(transitions: Sequence[Description]) -> Table:
    rows = [
        [
            phase["Status"],
            moment(phase["StartTime"]),
            between(phase["StartTime"], phase.get("EndTime")),
            phase.get("StatusMessage", ""),
        ]
        for phase in transitions
    ]
    return table(["phase", "began", "took", "what was said"], rows, folded=["what was said"])


def _metrics(metrics: Sequence[Description]) -> Table:
    rows = [[one["MetricName"], f"{one['Value']:g}", moment(one["Timestamp"])] for one in metrics]
    return table(["metric", "last value", "at"], rows, right=["last value"])


def _hyperparameters(job: Description) -> dict[str, str]:
    found: dict[str, str] = job.get("HyperParameters", {})
    return found


def _internal(hyperparameter: str) -> bool:
    """Whether the SDK added it, for itself and the platform."""
    return hyperparameter.startswith("sagemaker_")


def _decoded(value: str) -> str:
    """A text that the SDK has written as JSON, as it was before."""
    try:
        decoded = json.loads(value)
    except ValueError:
        return value
    return decoded if isinstance(decoded, str) else value
