"""CreateEndpoint and its kin."""

from __future__ import annotations

import asyncio
import time

from sqlalchemy import select

from ironworks.control import endpoints
from ironworks.control.records import Instance, Resource
from ironworks.control.resources import NotFound
from ironworks.server.backend import Backend
from ironworks.server.call import Caller
from ironworks.server.errors import ValidationError
from ironworks.server.protocols.document import to_document
from ironworks.server.services.operations import Params
from ironworks.server.services.sagemaker.endpoint_configs import MISSING as MISSING_CONFIG
from ironworks.server.services.sagemaker.resources import describe, find, list_page, taken_as

MISSING = 'Could not find endpoint "{arn}".'
HOLD_SECONDS = 50.0
"""How long the first DescribeEndpoint waits for a final state: below the 60 s after which clients give up."""
HOLD_POLL_SECONDS = 0.02


def create_endpoint(backend: Backend, caller: Caller, params: Params) -> Params:
    """Store the endpoint; the reconciler brings it into service."""
    try:
        with taken_as("ValidationException", 'Cannot create already existing endpoint "{arn}".'):
            endpoint = endpoints.create(backend.platform, caller.region, to_document(params))
    except NotFound as error:
        arn = backend.platform.arn(caller.region, endpoints.CONFIG_KIND, error.name)
        raise ValidationError(MISSING_CONFIG.format(arn=arn)) from None
    backend.router.expect(endpoint.arn)
    backend.reconciler.wake()
    return {"EndpointArn": endpoint.arn}


async def describe_endpoint(backend: Backend, caller: Caller, params: Params) -> Params:
    """Everything that is known of an endpoint.

    The first call after CreateEndpoint is answered when the state is final: the SageMaker SDK would
    otherwise sleep 30 s before it asks again.
    """
    endpoint = await asyncio.to_thread(_find, backend, caller, params)
    if endpoint.status == "Creating" and backend.router.is_first_question(endpoint.arn):
        deadline = time.monotonic() + HOLD_SECONDS
        while endpoint.status == "Creating" and time.monotonic() < deadline:
            await asyncio.sleep(HOLD_POLL_SECONDS)
            endpoint = await asyncio.to_thread(_find, backend, caller, params)
    return await asyncio.to_thread(_describe, backend, endpoint)


def list_endpoints(backend: Backend, caller: Caller, params: Params) -> Params:
    """A page of endpoints."""
    return list_page(backend, caller, endpoints.KIND, params, _summary, "Endpoints")


def delete_endpoint(backend: Backend, caller: Caller, params: Params) -> None:
    """Let the reconciler stop the instances and remove the endpoint."""
    endpoint = _find(backend, caller, params)
    backend.platform.resources.change(endpoint.id, endpoints.request_delete)
    backend.reconciler.wake()


def _find(backend: Backend, caller: Caller, params: Params) -> Resource:
    return find(backend, caller, endpoints.KIND, params["EndpointName"], MISSING)


def _describe(backend: Backend, endpoint: Resource) -> Params:
    counts = _ready_instances(backend, endpoint)
    variants = [
        {
            "VariantName": variant.name,
            "DeployedImages": [{"SpecifiedImage": variant.image, "ResolvedImage": variant.image}],
            "CurrentWeight": variant.weight,
            "DesiredWeight": variant.weight,
            "CurrentInstanceCount": counts.count(variant.name),
            "DesiredInstanceCount": variant.instance_count,
        }
        for variant in endpoints.variants(endpoint)
    ]
    return describe(
        endpoint,
        EndpointArn=endpoint.arn,
        EndpointStatus=endpoint.status,
        ProductionVariants=None if endpoint.status == "Creating" else variants,
    )


def _ready_instances(backend: Backend, endpoint: Resource) -> list[str]:
    with backend.platform.database.read() as session:
        ready = select(Instance.variant).where(Instance.endpoint_id == endpoint.id, Instance.ready)
        return list(session.scalars(ready))


def _summary(endpoint: Resource) -> Params:
    return {
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn,
        "CreationTime": endpoint.created_at,
        "LastModifiedTime": endpoint.modified_at,
        "EndpointStatus": endpoint.status,
    }
