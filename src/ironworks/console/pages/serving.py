"""What serves an endpoint now: its record, the processes of its instances, what its model says of itself.

DescribeEndpoint knows neither processes nor memory, and the first one after a change is held back for the SDK that
asked for the change; so these are read from the records.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psutil
from sqlalchemy import select

from ironworks.control import endpoints, instances
from ironworks.control.platform import Platform
from ironworks.control.records import Instance, Resource
from ironworks.control.resources import NotFound
from ironworks.executors import Handle
from ironworks.server.errors import ValidationError


@dataclass(frozen=True)
class Running:
    """An instance and its process.

    Attributes:
        memory: resident bytes; 0 if the process is gone.
        started: seconds since 1970.
    """

    id: str
    variant: str
    pid: int
    memory: int
    state: str
    started: float


def find(platform: Platform, region: str, name: str) -> Resource:
    """The record of an endpoint.

    Raises:
        ValidationError: there is none of that name.
    """
    try:
        return platform.resources.get(endpoints.KIND, region, name)
    except NotFound:
        raise ValidationError(f"Could not find endpoint {name} in {region}.") from None


def running(platform: Platform, endpoint: Resource) -> Sequence[Running]:
    """The instances, by variant and age."""
    query = select(Instance).filter_by(endpoint_id=endpoint.id)
    with platform.database.read() as session:
        rows = session.scalars(query.order_by(Instance.variant, Instance.started_at)).all()
    return [_running(row) for row in rows]


def manifest(platform: Platform, endpoint: Resource) -> Mapping[str, Any] | None:
    """What the first variant's compiled model says of itself; None if it is no compiled one."""
    first = endpoints.plan(endpoint).variants[0]
    try:
        text = (instances.model_folder(platform.home, endpoint.id, first) / "manifest.json").read_bytes()
        document = json.loads(text)
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def _running(instance: Instance) -> Running:
    handle = Handle.from_dict(instance.process)
    try:
        memory = psutil.Process(handle.pid).memory_info().rss
    except psutil.Error:
        memory = 0
    state = "ending" if instance.ending else "ready" if instance.ready else "starting"
    return Running(instance.id, instance.variant, handle.pid, memory, state, instance.started_at.timestamp())
