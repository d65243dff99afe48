"""The `aws.json 1.1` protocol: one POST, the operation in `X-Amz-Target`, JSON both ways."""

from __future__ import annotations

import base64
import binascii
import json
import math
from datetime import datetime, timezone
from typing import Any

from botocore.model import OperationModel, ServiceModel, Shape

from ironworks.server.errors import ServiceError, UnknownOperation
from ironworks.server.http import Request, Response
from ironworks.server.protocols.validation import validate

CONTENT_TYPE = "application/x-amz-json-1.1"
LARGEST_BODY = 8 * 1024 * 1024


def operation(request: Request, model: ServiceModel) -> OperationModel:
    """The operation that `X-Amz-Target: PREFIX.OPERATION` names.

    Raises:
        UnknownOperation: the service's model does not have it.
    """
    prefix, _, name = request.headers.get("x-amz-target", "").rpartition(".")
    if prefix != model.metadata["targetPrefix"] or name not in model.operation_names:
        raise UnknownOperation(name or "(no X-Amz-Target header)")
    return model.operation_model(name)


def parse(body: bytes, model: OperationModel) -> dict[str, Any]:
    """The request's members, checked against the operation's input shape.

    Timestamps become `datetime`, blobs `bytes`.

    Raises:
        ServiceError: the body is not JSON, or a member is missing or wrong.
    """
    try:
        params = json.loads(body) if body else {}
    except (ValueError, RecursionError):
        raise ServiceError("SerializationException", "The request's body is not JSON.") from None
    shape = model.input_shape
    if shape is None:
        return {}
    validate(params, shape)
    members: dict[str, Any] = _from_wire(params, shape)
    return members


def serialize(output: dict[str, Any] | None, model: OperationModel, request_id: str) -> Response:
    """The answer: those members of `output` that the operation's output shape has."""
    headers = {"Content-Type": CONTENT_TYPE, "x-amzn-RequestId": request_id}
    if model.output_shape is None:
        return Response(headers=headers)
    return Response(headers=headers, body=json.dumps(_to_wire(output or {}, model.output_shape)).encode())


def failure(error: ServiceError, request_id: str) -> Response:
    """The error, with its code in the body and in `x-amzn-ErrorType`."""
    body = {"__type": error.code, "message": error.message, **error.details}
    headers = {
        "Content-Type": CONTENT_TYPE,
        "x-amzn-RequestId": request_id,
        "x-amzn-ErrorType": error.code,
    }
    return Response(error.status, headers, json.dumps(body).encode())


def _from_wire(value: Any, shape: Shape) -> Any:
    if shape.type_name == "structure":
        return {
            name: _from_wire(value[name], member)
            for name, member in shape.members.items()
            if value.get(name) is not None
        }
    if shape.type_name == "list":
        return [_from_wire(item, shape.member) for item in value]
    if shape.type_name == "map":
        return {key: _from_wire(item, shape.value) for key, item in value.items()}
    if shape.type_name == "timestamp":
        return _moment(value)
    if shape.type_name == "blob":
        return _blob(value)
    return value


def _moment(value: Any) -> datetime:
    try:
        if isinstance(value, str):
            return datetime.fromisoformat(value.replace("Z", "+00:00")).astimezone(timezone.utc)
        if not isinstance(value, bool) and math.isfinite(value):
            return datetime.fromtimestamp(value, timezone.utc)
    except (ValueError, TypeError, OverflowError, OSError):
        pass
    raise ServiceError(
        "SerializationException", f"{value!r} is not a moment; give seconds since 1970 as a number."
    )


def _blob(value: Any) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise ServiceError("SerializationException", "A binary member is not valid base64.") from None


def _to_wire(value: Any, shape: Shape) -> Any:
    if shape.type_name == "structure":
        return {
            name: _to_wire(value[name], member)
            for name, member in shape.members.items()
            if value.get(name) is not None
        }
    if shape.type_name == "list":
        return [_to_wire(item, shape.member) for item in value]
    if shape.type_name == "map":
        return {key: _to_wire(item, shape.value) for key, item in value.items()}
    if shape.type_name == "timestamp":
        return round(value.timestamp(), 3) if isinstance(value, datetime) else value
    if shape.type_name == "blob":
        return base64.b64encode(value).decode()
    return value
