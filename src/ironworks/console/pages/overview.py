"""The first page: the server, what there is, what runs, what happened last, and how to point a client here."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from ironworks.console.pages.lists import COMPILATION_JOBS, ENDPOINTS, TRAINING_JOBS, Catalogue, summaries
from ironworks.console.visit import Visit
from ironworks.server.http import Response

RECENT = 12
_WATCHED = (
    (TRAINING_JOBS, "TrainingJobStatus", ("InProgress", "Stopping")),
    (COMPILATION_JOBS, "CompilationJobStatus", ("STARTING", "INPROGRESS", "STOPPING")),
    (ENDPOINTS, "EndpointStatus", ("Creating", "Updating", "InService")),
)
"""What is shown of the last activity, its status, and the statuses in which something runs."""


@dataclass(frozen=True)
class Activity:
    """A resource that has changed."""

    noun: str
    name: str
    place: tuple[str, ...]
    status: str
    changed: float
    runs: bool


async def show(visit: Visit) -> Response:
    """The overview."""
    activities = [activity for watched in _WATCHED for activity in await _activities(visit, *watched)]
    activities.sort(key=lambda activity: -activity.changed)
    census = await asyncio.to_thread(visit.backend.platform.resources.census, visit.region)
    process = psutil.Process()
    return await visit.page(
        "overview.html",
        running=[activity for activity in activities if activity.runs],
        recent=activities[:RECENT],
        counts=_counts(census),
        keys=visit.backend.keys,
        home=visit.backend.platform.home,
        server={
            "pid": os.getpid(),
            "uptime": time.time() - process.create_time(),
            "memory": process.memory_info().rss,
        },
    )


def _counts(census: dict[str, dict[str, int]]) -> list[tuple[str, tuple[str, ...], int, str]]:
    """Heading, list, how many, and how many of them in which state."""
    kinds: Sequence[tuple[str, str, tuple[str, ...]]] = (
        ("training-job", "Training jobs", ("jobs", "training")),
        ("compilation-job", "Compilation jobs", ("jobs", "compilation")),
        ("model", "Models", ("models",)),
        ("endpoint", "Endpoints", ("endpoints",)),
    )
    found = []
    for kind, title, place in kinds:
        states = census.get(kind, {})
        words = ", ".join(f"{count:,} {state}" for state, count in sorted(states.items()) if state)
        found.append((title, place, sum(states.values()), words))
    return found


async def _activities(
    visit: Visit, catalogue: Catalogue, member: str, running: tuple[str, ...]
) -> list[Activity]:
    """The newest of a kind, and those that run whatever their age."""
    found, _ = await summaries(visit, catalogue, MaxResults=RECENT)
    for state in running:
        more, _ = await summaries(visit, catalogue, MaxResults=RECENT, StatusEquals=state)
        found += more
    by_name: dict[str, dict[str, Any]] = {summary[catalogue.name]: summary for summary in found}
    return [
        Activity(
            catalogue.noun,
            name,
            catalogue.place,
            summary[member],
            summary["LastModifiedTime"],
            summary[member] in running,
        )
        for name, summary in by_name.items()
    ]
