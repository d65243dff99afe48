"""Ironworks' own operations, which AWS has none for; their model is in `server/models`."""

from __future__ import annotations

import asyncio
import time

from ironworks.control import changes
from ironworks.control.records import Resource
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


def _read(backend: Backend, arn: str) -> tuple[Resource, str]:
    found = changes.read(backend.platform, arn)
    if found is None:
        raise ServiceError("ResourceNotFoundException", f"There is no {arn}, or it has been deleted.")
    return found
