"""Ironworks' own operations, which AWS has none for; their model is in `server/models`."""

from __future__ import annotations

import asyncio
import time

from ironworks.control import changes, endpoints
from ironworks.control.records import Resource
from ironworks.control.resources import NotFound
from ironworks.server.backend import Backend
from ironworks.server.call import Caller
from ironworks.server.errors import ServiceError
from ironworks.server.services.operations import Params

WAIT_SECONDS = 20
POLL_SECONDS = 0.02
"""Agents write to the database from processes of their own, so the server has to look."""


async def wait_for_change(backend: Backend, _caller: Caller, params: Params) -> Params:
    """Answer when the resource is no longer what the caller knows."""
    deadline = time.monotonic() + params.get("MaxWaitSeconds", WAIT_SECONDS)
    while True:
        resource, version = await asyncio.to_thread(_read, backend, params["ResourceArn"])
        if version != params.get("Version") or time.monotonic() >= deadline:
            return {
                "Version": version,
                "Status": resource.status,
                "SecondaryStatus": resource.state.get("SecondaryStatus"),
                "FailureReason": resource.state.get("FailureReason"),
                "LastModifiedTime": resource.modified_at,
            }
        await asyncio.sleep(POLL_SECONDS)


def describe_endpoint_access(backend: Backend, caller: Caller, params: Params) -> Params:
    """Where the variants of an endpoint are reached directly, and the token that they ask for."""
    name = params["EndpointName"]
    try:
        endpoint = backend.platform.resources.get(endpoints.KIND, caller.region, name)
    except NotFound:
        raise ServiceError("ResourceNotFoundException", f"There is no endpoint {name}.") from None
    variants = [variant for variant in endpoints.plan(endpoint).variants if variant.address]
    if not variants:
        raise ServiceError(
            "ResourceNotFoundException",
            f"The endpoint {name} was created by an Ironworks without direct addresses. UpdateEndpoint gives it some.",
        )
    return {
        "Token": endpoint.state["Token"],
        "Variants": [
            {"VariantName": variant.name, "Url": f"http://{variant.address}"} for variant in variants
        ],
    }


def _read(backend: Backend, arn: str) -> tuple[Resource, str]:
    found = changes.read(backend.platform, arn)
    if found is None:
        raise ServiceError("ResourceNotFoundException", f"There is no {arn}, or it has been deleted.")
    return found
