"""An endpoint: its variants and their instances, how fast they answer, how to call it, and its log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, TypeVar

from ironworks.console.forms import BadForm, Form
from ironworks.console.pages import confirmation, logs, serving, traffic
from ironworks.console.visit import Visit, redirect
from ironworks.control import endpoints
from ironworks.control.records import Resource
from ironworks.server.errors import ServiceError
from ironworks.server.http import Response

Number = TypeVar("Number", int, float)

PLACE = ("endpoints",)
_OVER = ("Failed", "OutOfService")


async def show(visit: Visit, name: str) -> Response:
    """The page of an endpoint."""
    endpoint = await find(visit, name)
    source = _source(endpoint)
    plan = endpoints.plan(endpoint)
    chosen = visit.query.get("range")
    span = next((span for span in traffic.RANGES if span.name == chosen), traffic.RANGES[0])
    names = [variant.name for variant in plan.variants]
    return await visit.page(
        "endpoint.html",
        endpoint=endpoint,
        plan=plan,
        following=endpoints.next_plan(endpoint),
        access=await _access(visit, name),
        instances=await asyncio.to_thread(serving.running, visit.backend.platform, endpoint),
        ranges=traffic.RANGES,
        span=span,
        charts=traffic.charts(visit.backend.metrics, endpoint.arn, names, span, time.time()),
        log=await logs.newest(visit, source),
        live_now=source.live,
    )


async def log(visit: Visit, name: str) -> Response:
    """What its log has more since."""
    return await logs.following(visit, _source(await find(visit, name)))


async def confirm_delete(visit: Visit, name: str) -> Response:
    """Whether to delete it."""
    endpoint = await find(visit, name)
    count = len(await asyncio.to_thread(serving.running, visit.backend.platform, endpoint))
    models = sorted({variant.model_name for variant in endpoints.plan(endpoint).variants})
    consequences = [
        f"The endpoint goes, and {'its instance ends' if count == 1 else f'its {count} instances end'}, as soon as "
        "the requests are answered that they have.",
        f"Its configuration {endpoints.plan(endpoint).config} stays, and so does what it serves: "
        f"{', '.join(models)}.",
    ]
    question = f"Delete the endpoint {name}?"
    return await confirmation.ask(
        visit, question, consequences, "Delete the endpoint", back=visit.link(*PLACE, name)
    )


async def delete(visit: Visit, name: str) -> Response:
    """Delete it."""
    return await confirmation.perform(visit, "DeleteEndpoint", PLACE, EndpointName=name)


async def scale(visit: Visit, name: str) -> Response:
    """Give the variants other weights and counts of instances."""
    form = await visit.form()
    desired = [
        {
            "VariantName": variant.name,
            "DesiredWeight": _number(form, f"weight {variant.name}", float),
            "DesiredInstanceCount": _number(form, f"count {variant.name}", int),
        }
        for variant in endpoints.plan(await find(visit, name)).variants
    ]
    await visit.wire.sagemaker(
        "UpdateEndpointWeightsAndCapacities", EndpointName=name, DesiredWeightsAndCapacities=desired
    )
    return redirect(visit.link(*PLACE, name))


async def find(visit: Visit, name: str) -> Resource:
    """The record of an endpoint.

    Raises:
        ValidationError: there is none of that name.
    """
    return await asyncio.to_thread(serving.find, visit.backend.platform, visit.region, name)


def _number(form: Form, field: str, kind: Callable[[str], Number]) -> Number:
    """The number in a field.

    Raises:
        BadForm: there is none.
    """
    try:
        return kind(form.text(field))
    except ValueError:
        raise BadForm(f"The {field} is {form.text(field)!r}, which is not a number.") from None


async def _access(visit: Visit, name: str) -> dict[str, Any] | None:
    """Where the endpoint is reached directly; None if it is not."""
    try:
        return await visit.wire.call("ironworks", "DescribeEndpointAccess", EndpointName=name)
    except ServiceError as error:
        if error.code == "ResourceNotFoundException":
            return None
        raise


def _source(endpoint: Resource) -> logs.Source:
    group = f"{endpoints.LOG_GROUP}/{endpoint.name}"
    return logs.Source(group, "", (*PLACE, endpoint.name, "log"), endpoint.status not in _OVER)
