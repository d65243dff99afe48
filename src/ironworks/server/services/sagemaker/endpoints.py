"""CreateEndpoint, UpdateEndpoint and their kin."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select

from ironworks.control import endpoints, models
from ironworks.control.plans import Plan
from ironworks.control.records import Instance, Resource
from ironworks.control.resources import NotFound
from ironworks.server.backend import Backend
from ironworks.server.call import Caller
from ironworks.server.errors import ValidationError
from ironworks.server.protocols.document import to_document
from ironworks.server.services.operations import Params
from ironworks.server.services.sagemaker import deployments
from ironworks.server.services.sagemaker.endpoint_configs import MISSING as MISSING_CONFIG
from ironworks.server.services.sagemaker.endpoint_configs import check_count
from ironworks.server.services.sagemaker.models import MISSING as MISSING_MODEL
from ironworks.server.services.sagemaker.resources import describe, find, list_page, taken_as

MISSING = 'Could not find endpoint "{arn}".'
HOLD_SECONDS = 50.0
"""How long the first DescribeEndpoint waits for a final state: below the 60 s after which clients give up."""
HOLD_POLL_SECONDS = 0.02
_UNDER_WAY = ("Creating", "Updating")


def create_endpoint(backend: Backend, caller: Caller, params: Params) -> Params:
    """Store the endpoint; the reconciler brings it into service."""
    deployments.check(params.get("DeploymentConfig", {}))
    with (
        _missing_config(backend, caller),
        taken_as("ValidationException", 'Cannot create already existing endpoint "{arn}".'),
    ):
        endpoint = endpoints.create(backend.platform, caller.region, to_document(params), backend.host)
    return _begin(backend, endpoint)


def update_endpoint(backend: Backend, caller: Caller, params: Params) -> Params:
    """Let the reconciler bring an endpoint to another configuration."""
    endpoint = _find(backend, caller, params)
    retained = deployments.retained(params)
    deployment = params.get("DeploymentConfig")
    if deployment is None and params.get("RetainDeploymentConfig"):
        deployment = endpoint.state.get("LastDeploymentConfig")
    deployments.check(deployment or {})
    with _missing_config(backend, caller), _refused_while_busy(endpoint):
        endpoints.update(
            backend.platform,
            endpoint,
            params["EndpointConfigName"],
            retained=retained,
            deployment=deployment,
            seconds=deployments.longest(deployment or {}),
            host=backend.host,
        )
    return _begin(backend, endpoint)


def update_endpoint_weights_and_capacities(backend: Backend, caller: Caller, params: Params) -> Params:
    """Change how traffic is divided, at once, and how many instances there are."""
    endpoint = _find(backend, caller, params)
    desired = params["DesiredWeightsAndCapacities"]
    for variant in desired:
        _check_desired(variant)
    try:
        with _refused_while_busy(endpoint):
            endpoints.scale(backend.platform, endpoint, desired)
    except NotFound as error:
        raise ValidationError(f"Could not find variant {error.name} of endpoint {endpoint.name}.") from None
    return _begin(backend, endpoint)


async def describe_endpoint(backend: Backend, caller: Caller, params: Params) -> Params:
    """Everything that is known of an endpoint.

    The first call after it was created or changed is answered when the state is final: the SageMaker SDK would
    otherwise sleep 30 s before it asks again.
    """
    endpoint = await asyncio.to_thread(_find, backend, caller, params)
    if endpoint.status in _UNDER_WAY and backend.router.is_first_question(endpoint.arn):
        deadline = time.monotonic() + HOLD_SECONDS
        while endpoint.status in _UNDER_WAY and time.monotonic() < deadline:
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


def _begin(backend: Backend, endpoint: Resource) -> Params:
    backend.router.expect(endpoint.arn)
    backend.reconciler.wake()
    return {"EndpointArn": endpoint.arn}


@contextmanager
def _missing_config(backend: Backend, caller: Caller) -> Iterator[None]:
    try:
        yield
    except NotFound as error:
        model = error.kind == models.KIND
        arn = backend.platform.arn(caller.region, error.kind, error.name)
        raise ValidationError((MISSING_MODEL if model else MISSING_CONFIG).format(arn=arn)) from None


@contextmanager
def _refused_while_busy(endpoint: Resource) -> Iterator[None]:
    try:
        yield
    except endpoints.Busy as error:
        if error.status in _UNDER_WAY:
            raise ValidationError(f'Cannot update in-progress endpoint "{endpoint.arn}".') from None
        raise ValidationError(
            f'Cannot update endpoint "{endpoint.arn}": it is {error.status}. Delete it and create it again.'
        ) from None


def _check_desired(variant: Params) -> None:
    name, count = variant["VariantName"], variant.get("DesiredInstanceCount", 1)
    if "ServerlessUpdateConfig" in variant:
        raise ValidationError(f"Variant {name} is not serverless; ServerlessUpdateConfig cannot be given.")
    if count < 1:
        raise ValidationError(f"Variant {name} needs at least one instance; delete the endpoint to end all.")
    check_count(name, count)


def _describe(backend: Backend, endpoint: Resource) -> Params:
    now, pending = endpoints.plan(endpoint), endpoints.next_plan(endpoint)
    if pending is not None and pending.generation == now.generation:
        now, pending = pending, None  # another count of the same instances: what is desired of what serves
    counts = _serving(backend, endpoint)
    if endpoint.status == "InService":  # any more are about to be told to end
        for variant in now.variants:
            mine = (now.generation, variant.name)
            counts[mine] = min(counts[mine], variant.instance_count)
    created = endpoint.status == "Creating"
    return describe(
        endpoint,
        EndpointArn=endpoint.arn,
        EndpointConfigName=endpoints.plan(endpoint).config,
        EndpointStatus=endpoint.status,
        ProductionVariants=None if created else _variants(now, counts),
        PendingDeploymentSummary=_pending(endpoint, now if created else pending, counts),
    )


def _pending(endpoint: Resource, plan: Plan | None, counts: Counter[tuple[int, str]]) -> Params | None:
    if plan is None:
        return None
    return {
        "EndpointConfigName": plan.config,
        "ProductionVariants": _variants(plan, counts),
        "StartTime": endpoint.modified_at,
    }


def _variants(plan: Plan, counts: Counter[tuple[int, str]]) -> list[Params]:
    return [
        {
            "VariantName": variant.name,
            "DeployedImages": [{"SpecifiedImage": variant.image, "ResolvedImage": variant.image}],
            "CurrentWeight": variant.weight,
            "DesiredWeight": variant.weight,
            "CurrentInstanceCount": counts[plan.generation, variant.name],
            "DesiredInstanceCount": variant.instance_count,
        }
        for variant in plan.variants
    ]


def _serving(backend: Backend, endpoint: Resource) -> Counter[tuple[int, str]]:
    """How many instances serve, by the generation of their plan and their variant."""
    serving = select(Instance.generation, Instance.variant).where(
        Instance.endpoint_id == endpoint.id, Instance.ready, ~Instance.ending
    )
    with backend.platform.database.read() as session:
        return Counter((generation, variant) for generation, variant in session.execute(serving))


def _summary(endpoint: Resource) -> Params:
    return {
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn,
        "CreationTime": endpoint.created_at,
        "LastModifiedTime": endpoint.modified_at,
        "EndpointStatus": endpoint.status,
    }
