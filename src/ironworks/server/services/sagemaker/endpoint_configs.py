"""CreateEndpointConfig and its kin."""

from __future__ import annotations

from ironworks.control import endpoints, models
from ironworks.control.records import Resource
from ironworks.control.resources import NotFound
from ironworks.server.backend import Backend
from ironworks.server.call import Caller
from ironworks.server.errors import ServiceError, ValidationError
from ironworks.server.protocols.document import to_document
from ironworks.server.services.operations import Params
from ironworks.server.services.sagemaker.resources import describe, find, list_page, taken_as

MISSING = 'Could not find endpoint configuration "{arn}".'
_ORDER = {"Name": "name", "CreationTime": "created_at"}
MOST_INSTANCES = 64
_REQUIRED = ("ModelName", "InitialInstanceCount", "InstanceType")


def create_endpoint_config(backend: Backend, caller: Caller, params: Params) -> Params:
    """Store a configuration."""
    for variant in params["ProductionVariants"]:
        _check_variant(variant)
    names = [variant["VariantName"] for variant in params["ProductionVariants"]]
    if len(set(names)) < len(names):
        raise ValidationError("Each of the ProductionVariants needs a VariantName of its own.")
    try:
        with taken_as(
            "ValidationException", 'Cannot create already existing endpoint configuration "{arn}".'
        ):
            config = endpoints.create_config(backend.platform, caller.region, to_document(params))
    except NotFound as error:
        arn = backend.platform.arn(caller.region, models.KIND, error.name)
        raise ValidationError(f'Could not find model "{arn}".') from None
    return {"EndpointConfigArn": config.arn}


def describe_endpoint_config(backend: Backend, caller: Caller, params: Params) -> Params:
    """Everything that is known of a configuration."""
    config = _find(backend, caller, params)
    return describe(config, EndpointConfigArn=config.arn)


def list_endpoint_configs(backend: Backend, caller: Caller, params: Params) -> Params:
    """A page of configurations."""
    return list_page(
        backend, caller, endpoints.CONFIG_KIND, params, _summary, "EndpointConfigs", sort_names=_ORDER
    )


def delete_endpoint_config(backend: Backend, caller: Caller, params: Params) -> None:
    """Remove a configuration; endpoints made from it go on."""
    backend.platform.resources.delete(_find(backend, caller, params))


def check_count(variant: str, count: int) -> None:
    """See that a variant's instances can be had.

    Raises:
        ServiceError: `ResourceLimitExceeded`, they are too many.
    """
    if count > MOST_INSTANCES:
        raise ServiceError(
            "ResourceLimitExceeded",
            f"Variant {variant} asks for {count} instances, and all of them are processes of this one machine: "
            f"at most {MOST_INSTANCES} a variant.",
        )


def _find(backend: Backend, caller: Caller, params: Params) -> Resource:
    return find(backend, caller, endpoints.CONFIG_KIND, params["EndpointConfigName"], MISSING)


def _check_variant(variant: Params) -> None:
    for member in _REQUIRED:
        if member not in variant:
            raise ValidationError(
                f"Variant {variant['VariantName']} needs {member}: serverless variants and inference "
                "components are not supported."
            )
    check_count(variant["VariantName"], variant["InitialInstanceCount"])


def _summary(config: Resource) -> Params:
    return {
        "EndpointConfigName": config.name,
        "EndpointConfigArn": config.arn,
        "CreationTime": config.created_at,
    }
