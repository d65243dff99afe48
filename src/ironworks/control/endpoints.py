"""Endpoints and their configurations: what is asked for, and the states on the way there.

    create ─▶ Creating ─▶ InService ⇄ Updating        every state ─▶ Deleting
                  └─────▶ Failed

An endpoint has the plan that serves, and while it is `Updating` the next one, which takes its place when all of its
instances answer and is dropped when one of them cannot. A change of weights and counts alone is a next plan of the same
generation: it is reached with the instances that run.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import replace

from ironworks.control import direct, models, plans
from ironworks.control.plans import Plan, Variant
from ironworks.control.platform import Platform
from ironworks.control.records import Document, Resource
from ironworks.control.resources import NotFound
from ironworks.errors import ClientError

KIND = "endpoint"
CONFIG_KIND = "endpoint-config"
LOG_GROUP = "/aws/sagemaker/Endpoints"
LOOPBACK = "127.0.0.1"
STATES = ("Creating", "InService", "Updating", "Deleting", "Failed")
WEIGHT, COUNT = "DesiredWeight", "DesiredInstanceCount"
"""Properties of a variant that an update can retain."""


class Busy(ClientError):
    """The endpoint is in a state in which it cannot be changed."""

    def __init__(self, endpoint: Resource) -> None:
        super().__init__(f"The endpoint {endpoint.name} is {endpoint.status}")
        self.status = endpoint.status


def create_config(platform: Platform, region: str, request: Document) -> Resource:
    """Store an endpoint configuration.

    Raises:
        NotFound: a variant names a model that is not there.
        AlreadyExists: the name is taken.
    """
    for variant in request["ProductionVariants"]:
        platform.resources.get(models.KIND, region, variant["ModelName"])
    name = request["EndpointConfigName"]
    arn = platform.arn(region, CONFIG_KIND, name)
    return platform.resources.create(CONFIG_KIND, region, name, arn, status="", request=request, state={})


def create(platform: Platform, region: str, request: Document, host: str = LOOPBACK) -> Resource:
    """Store an endpoint that the reconciler will bring into service; its direct addresses are ports of `host`.

    Raises:
        NotFound: the configuration or one of its models is not there.
        AlreadyExists: the name is taken.
    """
    config = platform.resources.get(CONFIG_KIND, region, request["EndpointConfigName"])
    first = plans.from_config(platform, config, 1, host, _addresses(platform))
    state = {"Plan": first.to_document(), "Token": direct.new_token()}
    name = request["EndpointName"]
    arn = platform.arn(region, KIND, name)
    return platform.resources.create(KIND, region, name, arn, status="Creating", request=request, state=state)


def update(
    platform: Platform,
    endpoint: Resource,
    config_name: str,
    *,
    retained: Collection[str] = (),
    deployment: Document | None = None,
    seconds: float | None = None,
    host: str = LOOPBACK,
) -> None:
    """Let the reconciler bring an endpoint to another configuration, as it is now.

    Variants that stay keep the `retained` ones of WEIGHT and COUNT. `deployment` is the request's `DeploymentConfig`;
    it is kept, and an update that takes longer than `seconds` has failed.

    Raises:
        NotFound: the configuration or one of its models is not there.
        Busy: the endpoint is not in service.
    """
    config = platform.resources.get(CONFIG_KIND, endpoint.region, config_name)
    addresses = _addresses(platform)

    def change(row: Resource) -> None:
        _require_in_service(row)
        before = plan(row)
        after = plans.from_config(platform, config, _newest_generation(row) + 1, host, addresses, before)
        after = replace(
            after.with_variants([_retain(variant, before, retained) for variant in after.variants]),
            deadline=None if seconds is None else time.time() + seconds,
        )
        _begin(row, after)
        if deployment is not None:
            row.state = {**row.state, "LastDeploymentConfig": deployment}

    platform.resources.change(endpoint.id, change)


def scale(platform: Platform, endpoint: Resource, desired: Sequence[Document]) -> None:
    """Give variants other weights, at once, and other counts of instances, as the reconciler gets there.

    `desired` is the request's `DesiredWeightsAndCapacities`.

    Raises:
        NotFound: a variant is not there.
        Busy: the endpoint is not in service.
    """

    def change(row: Resource) -> None:
        _require_in_service(row)
        before = plan(row)
        weighted, scaled = dict[str, Variant](), dict[str, Variant]()
        for wish in desired:
            variant = before.variant(wish["VariantName"])
            if variant is None:
                raise NotFound("variant", wish["VariantName"])
            now = replace(variant, weight=wish.get(WEIGHT, variant.weight))
            weighted[variant.name] = now
            scaled[variant.name] = replace(now, instance_count=wish.get(COUNT, now.instance_count))
        row.state = {**row.state, "Plan": before.replacing(weighted).to_document()}
        _begin(row, before.replacing(scaled))

    platform.resources.change(endpoint.id, change)


def log_group(endpoint: Resource) -> str:
    """Where the instances of an endpoint print to."""
    return f"{LOG_GROUP}/{endpoint.name}"


def plan(endpoint: Resource) -> Plan:
    """The plan that serves, or while the endpoint is created shall serve."""
    return Plan.from_document(endpoint.state["Plan"])


def next_plan(endpoint: Resource) -> Plan | None:
    """The plan that an update leads to."""
    document = endpoint.state.get("NextPlan")
    return Plan.from_document(document) if document and endpoint.status == "Updating" else None


def targets(endpoint: Resource) -> list[Plan]:
    """What is to run now: one plan a generation."""
    now, following = plan(endpoint), next_plan(endpoint)
    if following is None:
        return [now]
    if following.generation == now.generation:
        return [following.widened(now)]
    return [now, following]


def reach(endpoint: Resource, reached: Plan) -> None:
    """Every instance of a plan answers."""
    if endpoint.status == "Creating":
        endpoint.status = "InService"
    elif next_plan(endpoint) == reached:
        endpoint.status = "InService"
        endpoint.state = {**_without_next(endpoint), "Plan": replace(reached, deadline=None).to_document()}


def fail(endpoint: Resource, reason: str) -> None:
    """The newest plan cannot be reached: a new endpoint has failed, an updated one goes back to what it was."""
    if endpoint.status in ("Creating", "Updating"):
        endpoint.status = "Failed" if endpoint.status == "Creating" else "InService"
        endpoint.state = {**_without_next(endpoint), "FailureReason": reason[:1024]}


def request_delete(endpoint: Resource) -> None:
    """Let the reconciler free everything and remove the endpoint."""
    endpoint.status = "Deleting"


def _require_in_service(endpoint: Resource) -> None:
    if endpoint.status != "InService":
        raise Busy(endpoint)


def _begin(endpoint: Resource, following: Plan) -> None:
    # An endpoint of before there were direct addresses has no token yet.
    state = {"Token": direct.new_token(), **endpoint.state, "NextPlan": following.to_document()}
    state["NewestGeneration"] = max(_newest_generation(endpoint), following.generation)
    state.pop("FailureReason", None)
    endpoint.state = state
    endpoint.status = "Updating"


def _without_next(endpoint: Resource) -> Document:
    return {name: value for name, value in endpoint.state.items() if name != "NextPlan"}


def _newest_generation(endpoint: Resource) -> int:
    """Of all plans that there were: what is left of one that failed must not be taken for a later one's."""
    newest: int = endpoint.state.get("NewestGeneration", 1)
    return newest


def _retain(variant: Variant, before: Plan, retained: Collection[str]) -> Variant:
    former = before.variant(variant.name)
    if former is None:
        return variant
    return replace(
        variant,
        weight=former.weight if WEIGHT in retained else variant.weight,
        instance_count=former.instance_count if COUNT in retained else variant.instance_count,
    )


def _addresses(platform: Platform) -> set[str]:
    """The direct addresses of all endpoints, also of those whose instances do not listen yet."""
    return {
        variant["address"]
        for endpoint in platform.resources.with_status(KIND, *STATES)
        for document in (endpoint.state.get("Plan"), endpoint.state.get("NextPlan"))
        if document
        for variant in document["variants"]
    }
