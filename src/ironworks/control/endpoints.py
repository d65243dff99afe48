"""Endpoints and their configurations: what is asked for, and the states on the way there.

An endpoint keeps a plan: its variants with their models as they were when it was created, because AWS lets
its configuration and its models be deleted while it serves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ironworks.control import models
from ironworks.control.platform import Platform
from ironworks.control.records import Document, Resource

KIND = "endpoint"
CONFIG_KIND = "endpoint-config"
LOG_GROUP = "/aws/sagemaker/Endpoints"


@dataclass(frozen=True)
class Variant:
    """One production variant of an endpoint's plan."""

    name: str
    instance_type: str
    instance_count: int
    weight: float
    model_name: str
    image: str
    model_data: str
    environment: dict[str, str]

    @classmethod
    def from_document(cls, document: Document) -> Variant:
        """Read what `_variant` wrote."""
        return cls(**document)


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


def create(platform: Platform, region: str, request: Document) -> Resource:
    """Store an endpoint that the reconciler will bring into service.

    Raises:
        NotFound: the configuration or one of its models is not there.
        AlreadyExists: the name is taken.
    """
    config = platform.resources.get(CONFIG_KIND, region, request["EndpointConfigName"])
    plan = [_variant(platform, region, variant) for variant in config.request["ProductionVariants"]]
    name = request["EndpointName"]
    arn = platform.arn(region, KIND, name)
    return platform.resources.create(
        KIND, region, name, arn, status="Creating", request=request, state={"Plan": plan}
    )


def variants(endpoint: Resource) -> list[Variant]:
    """The variants of an endpoint's plan."""
    return [Variant.from_document(document) for document in endpoint.state["Plan"]]


def enter_service(endpoint: Resource) -> None:
    """Every instance answers."""
    if endpoint.status == "Creating":
        endpoint.status = "InService"


def fail(endpoint: Resource, reason: str) -> None:
    """The endpoint cannot be brought into service."""
    if endpoint.status == "Creating":
        endpoint.status = "Failed"
        endpoint.state = {**endpoint.state, "FailureReason": reason[:1024]}


def request_delete(endpoint: Resource) -> None:
    """Let the reconciler free everything and remove the endpoint."""
    endpoint.status = "Deleting"


def _variant(platform: Platform, region: str, requested: dict[str, Any]) -> Document:
    model = platform.resources.get(models.KIND, region, requested["ModelName"])
    container = models.container(model)
    return {
        "name": requested["VariantName"],
        "instance_type": requested["InstanceType"],
        "instance_count": requested["InitialInstanceCount"],
        "weight": requested.get("InitialVariantWeight", 1.0),
        "model_name": requested["ModelName"],
        "image": container.get("Image", ""),
        "model_data": container["ModelDataUrl"],
        "environment": container.get("Environment", {}),
    }
