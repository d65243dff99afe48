"""A compilation job: what was asked for, and the report of its artifact with the candidates' chart and the parity."""

from __future__ import annotations

import time
from typing import Any

from ironworks.console.pages import confirmation, logs, report
from ironworks.console.pages.spans import Span, phases
from ironworks.console.visit import Visit
from ironworks.control.compilation_jobs import LOG_GROUP, RUNNING
from ironworks.drawing.markup import Html
from ironworks.server.http import Response

PLACE = ("jobs", "compilation")


async def show(visit: Visit, name: str) -> Response:
    """The page of a job."""
    job = await _describe(visit, name)
    source = _source(job)
    sections, lack = await report.sections(visit, job["ModelArtifacts"]["S3ModelArtifacts"])
    return await visit.page(
        "compilation_job.html",
        job=job,
        live_now=source.live,
        sections=sections,
        lack=lack,
        timeline=_timeline(job),
        log=await logs.newest(visit, source),
    )


async def log(visit: Visit, name: str) -> Response:
    """What its log has more since."""
    return await logs.following(visit, _source(await _describe(visit, name)))


async def confirm_stop(visit: Visit, name: str) -> Response:
    """Whether to stop it."""
    await _describe(visit, name)
    consequences = ["What it has built until now goes; nothing is written."]
    question = f"Stop the compilation job {name}?"
    return await confirmation.ask(
        visit, question, consequences, "Stop the job", back=visit.link(*PLACE, name)
    )


async def stop(visit: Visit, name: str) -> Response:
    """Stop it."""
    return await confirmation.perform(visit, "StopCompilationJob", (*PLACE, name), CompilationJobName=name)


async def confirm_delete(visit: Visit, name: str) -> Response:
    """Whether to delete it."""
    job = await _describe(visit, name)
    consequences = ["Its record goes."]
    if artifact := job["ModelArtifacts"]["S3ModelArtifacts"]:
        consequences.append(f"The artifact stays, with its report: {artifact}")
    question = f"Delete the compilation job {name}?"
    return await confirmation.ask(
        visit, question, consequences, "Delete the job", back=visit.link(*PLACE, name)
    )


async def delete(visit: Visit, name: str) -> Response:
    """Delete it."""
    return await confirmation.perform(visit, "DeleteCompilationJob", PLACE, CompilationJobName=name)


async def _describe(visit: Visit, name: str) -> dict[str, Any]:
    return await visit.wire.sagemaker("DescribeCompilationJob", CompilationJobName=name)


def _source(job: dict[str, Any]) -> logs.Source:
    name = job["CompilationJobName"]
    return logs.Source(LOG_GROUP, name, (*PLACE, name, "log"), job["CompilationJobStatus"] in RUNNING)


def _timeline(job: dict[str, Any]) -> Html:
    start, end = job.get("CompilationStartTime"), job.get("CompilationEndTime") or time.time()
    waiting = Span("Waiting", job["CreationTime"], start or end)
    return phases([waiting, Span("Compiling", start, end)] if start else [waiting])
