"""The pages, a module a subject, and where they are.

A route is a method, a path below the region with `*` for a name, and the function that answers it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ironworks.console.pages import (
    compilation_job,
    endpoint,
    lists,
    model,
    overview,
    playground,
    training_job,
)
from ironworks.server.http import Response

Page = Callable[..., Awaitable[Response]]
"""Called with the visit, and with each name in the path."""

ROUTES: tuple[tuple[str, str, Page], ...] = (
    ("GET", "", overview.show),
    ("GET", "jobs", lists.training_jobs),
    ("GET", "jobs/training", lists.training_jobs),
    ("GET", "jobs/training/*", training_job.show),
    ("GET", "jobs/training/*/log", training_job.log),
    ("GET", "jobs/training/*/stop", training_job.confirm_stop),
    ("POST", "jobs/training/*/stop", training_job.stop),
    ("GET", "jobs/training/*/delete", training_job.confirm_delete),
    ("POST", "jobs/training/*/delete", training_job.delete),
    ("GET", "jobs/compilation", lists.compilation_jobs),
    ("GET", "jobs/compilation/*", compilation_job.show),
    ("GET", "jobs/compilation/*/log", compilation_job.log),
    ("GET", "jobs/compilation/*/stop", compilation_job.confirm_stop),
    ("POST", "jobs/compilation/*/stop", compilation_job.stop),
    ("GET", "jobs/compilation/*/delete", compilation_job.confirm_delete),
    ("POST", "jobs/compilation/*/delete", compilation_job.delete),
    ("GET", "models", lists.models),
    ("GET", "models/*", model.show),
    ("GET", "models/*/delete", model.confirm_delete),
    ("POST", "models/*/delete", model.delete),
    ("GET", "endpoints", lists.endpoints),
    ("GET", "endpoints/*", endpoint.show),
    ("GET", "endpoints/*/log", endpoint.log),
    ("POST", "endpoints/*/scale", endpoint.scale),
    ("GET", "endpoints/*/delete", endpoint.confirm_delete),
    ("POST", "endpoints/*/delete", endpoint.delete),
    ("GET", "endpoints/*/playground", playground.show),
    ("POST", "endpoints/*/playground", playground.ask),
)
