"""The `query` protocol of STS, IAM and CloudWatch's older clients: a form in, XML out."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree

from botocore.model import OperationModel, ServiceModel, Shape

from ironworks.server.errors import ServiceError, UnknownOperation
from ironworks.server.http import Response
from ironworks.server.protocols.validation import validate

CONTENT_TYPE = "text/xml"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, escaped or not (its production `Char`)."""


def parse_form(body: bytes, query: str) -> dict[str, str]:
    """The form's fields, from the body of a POST and the query of a presigned GET."""
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=1000)
        fields += parse_qsl(query, keep_blank_values=True, max_num_fields=1000)
    except ValueError:
        raise ServiceError("MalformedInput", "The request's body is not a form.") from None
    return dict(fields)


def operation(form: dict[str, str], model: ServiceModel) -> OperationModel:
    """The operation that `Action` names.

    Raises:
        UnknownOperation: the service's model does not have it.
    """
    name = form.get("Action", "")
    if name not in model.operation_names:
        raise UnknownOperation(name or "(no Action)")
    return model.operation_model(name)


def parse(form: dict[str, str], model: OperationModel) -> dict[str, Any]:
    """The operation's members, checked against its input shape. Lists are `Name.member.1`, maps `Name.entry.1`.

    Raises:
        ServiceError: a member is missing or wrong.
    """
    shape = model.input_shape
    if shape is None:
        return {}
    params: dict[str, Any] = _structure(form, "", shape)
    validate(params, shape)
    return params


def serialize(output: dict[str, Any] | None, model: OperationModel, request_id: str) -> Response:
    """`<OPERATIONResponse><OPERATIONResult>…</OPERATIONResult><ResponseMetadata>…`."""
    namespace = model.metadata["xmlNamespace"]
    root = ElementTree.Element(f"{model.name}Response", xmlns=namespace)
    if model.output_shape is not None:
        wrapper = model.output_shape.serialization.get("resultWrapper", f"{model.name}Result")
        _write(ElementTree.SubElement(root, wrapper), output or {}, model.output_shape)
    metadata = ElementTree.SubElement(root, "ResponseMetadata")
    ElementTree.SubElement(metadata, "RequestId").text = request_id
    return _answer(200, root, request_id)


def failure(error: ServiceError, request_id: str) -> Response:
    """`<ErrorResponse><Error>…</Error><RequestId/></ErrorResponse>`."""
    root = ElementTree.Element("ErrorResponse")
    element = ElementTree.SubElement(root, "Error")
    ElementTree.SubElement(element, "Type").text = "Sender" if error.status < 500 else "Receiver"
    ElementTree.SubElement(element, "Code").text = error.code
    ElementTree.SubElement(element, "Message").text = _text(error.message)
    ElementTree.SubElement(root, "RequestId").text = request_id
    return _answer(error.status, root, request_id)


def _answer(status: int, root: ElementTree.Element, request_id: str) -> Response:
    headers = {"Content-Type": CONTENT_TYPE, "x-amzn-RequestId": request_id}
    return Response(status, headers, ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _value(form: dict[str, str], prefix: str, shape: Shape) -> Any:
    if shape.type_name == "structure":
        return _structure(form, prefix + ".", shape) or None
    if shape.type_name == "list":
        return _list(form, prefix, shape)
    text = form.get(prefix)
    if text is None:
        return None
    return _scalar(text, prefix, shape)


def _structure(form: dict[str, str], prefix: str, shape: Shape) -> dict[str, Any]:
    members = {
        name: _value(form, prefix + member.serialization.get("name", name), member)
        for name, member in shape.members.items()
    }
    return {name: value for name, value in members.items() if value is not None}


def _list(form: dict[str, str], prefix: str, shape: Shape) -> list[Any] | None:
    member = (
        "" if shape.serialization.get("flattened") else "." + shape.member.serialization.get("name", "member")
    )
    items: list[Any] = []
    while (item := _value(form, f"{prefix}{member}.{len(items) + 1}", shape.member)) is not None:
        items.append(item)
    return items or None


def _scalar(text: str, name: str, shape: Shape) -> Any:
    try:
        if shape.type_name in ("integer", "long"):
            return int(text)
        if shape.type_name in ("float", "double"):
            return float(text)
        if shape.type_name == "timestamp":
            return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        kind = "a moment such as 2026-01-31T23:59:59Z" if shape.type_name == "timestamp" else "a number"
        raise ServiceError("MalformedInput", f"{name} must be {kind}, not {text!r}.") from None
    return text == "true" if shape.type_name == "boolean" else text


def _write(parent: ElementTree.Element, value: Any, shape: Shape) -> None:
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            if value.get(name) is not None:
                element = ElementTree.SubElement(parent, member.serialization.get("name", name))
                _write(element, value[name], member)
    elif shape.type_name == "list":
        for item in value:
            _write(ElementTree.SubElement(parent, "member"), item, shape.member)
    elif shape.type_name == "map":
        for key, item in value.items():
            entry = ElementTree.SubElement(parent, "entry")
            _write(ElementTree.SubElement(entry, "key"), key, shape.key)
            _write(ElementTree.SubElement(entry, "value"), item, shape.value)
    else:
        parent.text = _text(value)


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value).lower() if isinstance(value, bool) else _NOT_XML.sub("\ufffd", str(value))
