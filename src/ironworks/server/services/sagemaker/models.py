"""CreateModel and its kin."""

from __future__ import annotations

from ironworks.control import models
from ironworks.control.records import Resource
from ironworks.server.backend import Backend
from ironworks.server.call import Caller
from ironworks.server.errors import ValidationError
from ironworks.server.protocols.document import to_document
from ironworks.server.services.operations import Params
from ironworks.server.services.sagemaker.resources import describe, find, list_page, taken_as

MISSING = 'Could not find model "{arn}".'
_ORDER = {"Name": "name", "CreationTime": "created_at"}


def create_model(backend: Backend, caller: Caller, params: Params) -> Params:
    """Store a model."""
    _check_containers(params)
    with taken_as("ValidationException", 'Cannot create already existing model "{arn}".'):
        model = models.create(backend.platform, caller.region, to_document(params))
    return {"ModelArn": model.arn}


def describe_model(backend: Backend, caller: Caller, params: Params) -> Params:
    """Everything that is known of a model."""
    model = find(backend, caller, models.KIND, params["ModelName"], MISSING)
    return describe(
        model,
        ModelArn=model.arn,
        EnableNetworkIsolation=model.request.get("EnableNetworkIsolation", False),
    )


def list_models(backend: Backend, caller: Caller, params: Params) -> Params:
    """A page of models."""
    return list_page(backend, caller, models.KIND, params, _summary, "Models", sort_names=_ORDER)


def delete_model(backend: Backend, caller: Caller, params: Params) -> None:
    """Remove a model; endpoints that serve it go on."""
    backend.platform.resources.delete(find(backend, caller, models.KIND, params["ModelName"], MISSING))


def _check_containers(params: Params) -> None:
    containers = params.get("Containers", [])
    if params.get("PrimaryContainer") is None and not containers:
        raise ValidationError("Either PrimaryContainer or Containers must be given.")
    if params.get("PrimaryContainer") is not None and containers:
        raise ValidationError("PrimaryContainer and Containers cannot both be given.")
    if len(containers) > 1:
        raise ValidationError(
            "Inference pipelines of several Containers are not supported; give one container."
        )
    container = params.get("PrimaryContainer") or containers[0]
    if "ModelDataUrl" not in container:
        raise ValidationError("The container needs a ModelDataUrl: models inside an image are not supported.")


def _summary(model: Resource) -> Params:
    return {"ModelName": model.name, "ModelArn": model.arn, "CreationTime": model.created_at}
