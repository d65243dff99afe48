"""The lists: jobs, models and endpoints, newest first, a page at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ironworks.console.rendering import ago, duration, status
from ironworks.console.visit import Visit
from ironworks.server.http import Response

PAGE = 50

Summary = dict[str, Any]
Column = tuple[str, Callable[[Summary], str]]


@dataclass(frozen=True)
class Catalogue:
    """One kind of resource: how it is listed, and what is shown of each.

    Attributes:
        place: the path of the list.
        noun: what one of them is called, in a sentence.
        operation, member, name: the List operation, and the members of its answer and of a summary.
        statuses: those that can be looked for.
        columns: heading and cell, besides the name.
        empty: what to do when there are none.
    """

    title: str
    place: tuple[str, ...]
    noun: str
    operation: str
    member: str
    name: str
    statuses: Sequence[str]
    columns: Sequence[Column]
    empty: str


def _state(member: str) -> Column:
    return "Status", lambda summary: status(summary[member])


_CREATED: Column = ("Created", lambda summary: ago(summary["CreationTime"]))


def _took(start: str, end: str) -> Column:
    def cell(summary: Summary) -> str:
        began = summary.get(start)
        return duration(max(0.0, (summary.get(end) or time.time()) - began)) if began else "–"

    return "Took", cell


TRAINING_JOBS = Catalogue(
    title="Training jobs",
    place=("jobs", "training"),
    noun="training job",
    operation="ListTrainingJobs",
    member="TrainingJobSummaries",
    name="TrainingJobName",
    statuses=("InProgress", "Completed", "Failed", "Stopping", "Stopped"),
    columns=(
        _state("TrainingJobStatus"),
        ("Phase", lambda summary: summary.get("SecondaryStatus", "–")),
        _CREATED,
        _took("CreationTime", "TrainingEndTime"),
    ),
    empty="An estimator's fit() makes one; the overview has the lines that point a client here.",
)
COMPILATION_JOBS = Catalogue(
    title="Compilation jobs",
    place=("jobs", "compilation"),
    noun="compilation job",
    operation="ListCompilationJobs",
    member="CompilationJobSummaries",
    name="CompilationJobName",
    statuses=("STARTING", "INPROGRESS", "COMPLETED", "FAILED", "STOPPING", "STOPPED"),
    columns=(
        _state("CompilationJobStatus"),
        ("Target", lambda summary: _target(summary)),
        _CREATED,
        _took("CompilationStartTime", "CompilationEndTime"),
    ),
    empty="compile_model() of a trained estimator makes one.",
)
MODELS = Catalogue(
    title="Models",
    place=("models",),
    noun="model",
    operation="ListModels",
    member="Models",
    name="ModelName",
    statuses=(),
    columns=(_CREATED,),
    empty="deploy() makes one, and CreateModel.",
)
ENDPOINTS = Catalogue(
    title="Endpoints",
    place=("endpoints",),
    noun="endpoint",
    operation="ListEndpoints",
    member="Endpoints",
    name="EndpointName",
    statuses=("Creating", "InService", "Updating", "Failed", "Deleting"),
    columns=(
        _state("EndpointStatus"),
        _CREATED,
        ("Changed", lambda summary: ago(summary["LastModifiedTime"])),
    ),
    empty="deploy() makes one, and CreateEndpoint.",
)


def _target(summary: Summary) -> str:
    platform = [summary.get(f"CompilationTargetPlatform{part}") for part in ("Os", "Arch", "Accelerator")]
    return summary.get("CompilationTargetDevice") or " ".join(filter(None, platform)) or "–"


async def training_jobs(visit: Visit) -> Response:
    """The training jobs."""
    return await _show(visit, TRAINING_JOBS)


async def compilation_jobs(visit: Visit) -> Response:
    """The compilation jobs."""
    return await _show(visit, COMPILATION_JOBS)


async def models(visit: Visit) -> Response:
    """The models."""
    return await _show(visit, MODELS)


async def endpoints(visit: Visit) -> Response:
    """The endpoints."""
    return await _show(visit, ENDPOINTS)


async def summaries(visit: Visit, catalogue: Catalogue, **members: Any) -> tuple[list[Summary], str | None]:
    """A page of a list, newest first, and the token of the next."""
    answer = await visit.wire.sagemaker(
        catalogue.operation, SortBy="CreationTime", SortOrder="Descending", **members
    )
    found: list[Summary] = answer[catalogue.member]
    return found, answer.get("NextToken")


async def _show(visit: Visit, catalogue: Catalogue) -> Response:
    name, state = visit.query.get("name"), visit.query.get("status")
    state = state if state in catalogue.statuses else None
    found, token = await summaries(
        visit,
        catalogue,
        MaxResults=PAGE,
        NextToken=visit.query.get("after"),
        NameContains=name,
        StatusEquals=state,
    )
    following = visit.link(*catalogue.place, name=name, status=state, after=token) if token else ""
    return await visit.page(
        "list.html", catalogue=catalogue, found=found, name=name or "", state=state or "", following=following
    )
