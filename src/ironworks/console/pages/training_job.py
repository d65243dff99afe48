"""A training job: its phases, what it was given, what it measured and made, and its log."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from ironworks.console.pages import confirmation, logs, training_curves
from ironworks.console.pages.spans import Span, phases
from ironworks.console.visit import Visit
from ironworks.control.training_jobs import LOG_GROUP, RUNNING
from ironworks.drawing.markup import Html
from ironworks.server.http import Response

PLACE = ("jobs", "training")


async def show(visit: Visit, name: str) -> Response:
    """The page of a job."""
    job = await _describe(visit, name)
    source = _source(job)
    return await visit.page(
        "training_job.html",
        job=job,
        live_now=source.live,
        timeline=_timeline(job),
        curves=await asyncio.to_thread(
            training_curves.figures, visit.backend.platform.database, visit.region, name
        ),
        finals=[(last["MetricName"], f"{last['Value']:.6g}") for last in job.get("FinalMetricDataList", ())],
        channels=[
            (channel["ChannelName"], _source_of(channel)) for channel in job.get("InputDataConfig", ())
        ],
        log=await logs.newest(visit, source),
    )


async def log(visit: Visit, name: str) -> Response:
    """What its log has more since."""
    return await logs.following(visit, _source(await _describe(visit, name)))


async def confirm_stop(visit: Visit, name: str) -> Response:
    """Whether to stop it."""
    await _describe(visit, name)
    consequences = [
        "The script is asked to end, and ended by force after two minutes.",
        "What it has saved until then is uploaded; the log stays.",
    ]
    question = f"Stop the training job {name}?"
    return await confirmation.ask(
        visit, question, consequences, "Stop the job", back=visit.link(*PLACE, name)
    )


async def stop(visit: Visit, name: str) -> Response:
    """Stop it."""
    return await confirmation.perform(visit, "StopTrainingJob", (*PLACE, name), TrainingJobName=name)


async def confirm_delete(visit: Visit, name: str) -> Response:
    """Whether to delete it."""
    job = await _describe(visit, name)
    consequences = ["Its record goes: hyperparameters, metrics and phases."]
    if artifact := job["ModelArtifacts"]["S3ModelArtifacts"]:
        consequences.append(f"The model that it made stays: {artifact}")
    question = f"Delete the training job {name}?"
    return await confirmation.ask(
        visit, question, consequences, "Delete the job", back=visit.link(*PLACE, name)
    )


async def delete(visit: Visit, name: str) -> Response:
    """Delete it."""
    return await confirmation.perform(visit, "DeleteTrainingJob", PLACE, TrainingJobName=name)


async def _describe(visit: Visit, name: str) -> dict[str, Any]:
    return await visit.wire.sagemaker("DescribeTrainingJob", TrainingJobName=name)


def _source(job: dict[str, Any]) -> logs.Source:
    name = job["TrainingJobName"]
    return logs.Source(LOG_GROUP, f"{name}/", (*PLACE, name, "log"), job["TrainingJobStatus"] in RUNNING)


def _source_of(channel: dict[str, Any]) -> str:
    """Where a channel's data come from."""
    source = channel["DataSource"]
    return str(source.get("S3DataSource", {}).get("S3Uri") or source)


def _timeline(job: dict[str, Any]) -> Html:
    now = time.time()
    return phases(
        [
            Span(
                transition["Status"],
                transition["StartTime"],
                transition.get("EndTime") or now,
                transition.get("StatusMessage", ""),
            )
            for transition in job["SecondaryStatusTransitions"]
        ]
    )
