"""The `rest-xml` protocol of S3: method, path, query and headers say what is asked; XML carries the rest.

Everything is read from botocore's model: which operation a request means, where each member is found in
the request, and where each goes in the answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.etree.ElementTree import Element, ParseError, TreeBuilder
from xml.parsers import expat

from botocore.model import OperationModel, ServiceModel, Shape, StructureShape

from ironworks.server.errors import ServiceError
from ironworks.server.http import Response

_UNPRINTABLE = re.compile(r"[&<>\"\x00-\x1f\x7f\ufffe\uffff]")
_UNREADABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}


@dataclass(frozen=True)
class _Route:
    """What a request must have to mean an operation."""

    name: str
    method: str
    segments: int
    query: frozenset[tuple[str, str]]
    """Literal query members; an empty value stands for any."""
    required: frozenset[str]
    headers: frozenset[str]

    def matches(self, query: Mapping[str, str], headers: Mapping[str, str]) -> bool:
        return (
            all(name in query and value in ("", query[name]) for name, value in self.query)
            and self.required <= query.keys()
            and self.headers <= headers.keys()
        )

    @property
    def weight(self) -> int:
        return len(self.query) + len(self.required) + len(self.headers)


class Router:
    """Finds the operation that a request means."""

    def __init__(self, model: ServiceModel) -> None:
        self._model = model
        self._routes: dict[tuple[str, int], list[_Route]] = {}
        for name in model.operation_names:
            operation = model.operation_model(name)
            if not operation.deprecated:
                route = _route(operation)
                self._routes.setdefault((route.method, route.segments), []).append(route)
        for routes in self._routes.values():
            routes.sort(key=lambda route: -route.weight)

    def operation(
        self, method: str, segments: int, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> OperationModel:
        """The operation with the most requirements that the request meets, in the model's order.

        Args:
            segments: how many of the path's parameters are there: 0 service, 1 bucket, 2 bucket and key.

        Raises:
            ServiceError: `MethodNotAllowed`, no operation is asked for so.
        """
        for route in self._routes.get((method, segments), ()):
            if route.matches(query, headers):
                return self._model.operation_model(route.name)
        raise ServiceError(
            "MethodNotAllowed", f"The specified method {method} is not allowed against this resource.", 405
        )


def _route(operation: OperationModel) -> _Route:
    uri = urlsplit(operation.http["requestUri"])
    required: dict[str, set[str]] = {"querystring": set(), "header": set()}
    members = operation.input_shape.members if operation.input_shape else {}
    for name in operation.input_shape.required_members if operation.input_shape else ():
        place = members[name].serialization
        if place.get("location") in required:
            required[place["location"]].add(place["name"])
    return _Route(
        name=operation.name,
        method=operation.http["method"],
        segments=uri.path.count("{") if uri.path.startswith("/{") or uri.path == "/" else -1,
        query=frozenset(parse_qsl(uri.query, keep_blank_values=True)),
        required=frozenset(required["querystring"]),
        headers=frozenset(name.lower() for name in required["header"]),
    )


def parse(
    operation: OperationModel,
    uri: Mapping[str, str],
    query: Mapping[str, str],
    headers: Mapping[str, str],
    body: bytes,
) -> dict[str, Any]:
    """The operation's members. A streaming or text payload is left to the caller.

    Args:
        uri: the path's parameters, decoded.
        headers: names in lower case.

    Raises:
        ServiceError: a member is malformed (`InvalidArgument`), or missing, or the XML is (`MalformedXML`).
    """
    shape = operation.input_shape
    if shape is None:
        return {}
    members: dict[str, Any] = {}
    for name, member in shape.members.items():
        value = _located(member, uri, query, headers)
        if value is not None:
            members[name] = value
    payload = shape.serialization.get("payload")
    if payload is not None and shape.members[payload].type_name == "structure" and body.strip():
        members[payload] = _structure(parse_xml(body), shape.members[payload])
    missing = [name for name in shape.required_members if name not in members and name != "Body"]
    if payload in missing and shape.members[payload].type_name == "structure":
        raise ServiceError(
            "MissingRequestBodyError", f"Request body is empty: {operation.name} needs {payload} as XML."
        )
    return members


def has_xml_body(operation: OperationModel) -> bool:
    """Whether the request's body is XML (or small text), to be read as a whole before the operation runs."""
    shape = operation.input_shape
    payload = shape.serialization.get("payload") if shape is not None else None
    return payload is not None and not shape.members[payload].serialization.get("streaming")


def serialize(operation: OperationModel, root: str, members: Mapping[str, Any]) -> Response:
    """The answer: members with a location become headers, the others XML under the element `root`.

    A streaming payload is left to the caller.
    """
    response = Response(operation.http.get("responseCode", 200))
    shape = operation.output_shape
    if shape is None:
        return response
    for name, member in shape.members.items():
        value = members.get(name)
        if value is not None:
            _write_header(response.headers, member, value)
    payload = shape.serialization.get("payload")
    if payload is None and any("location" not in member.serialization for member in shape.members.values()):
        response.body = _document(root, shape, members, _namespace(operation))
    elif payload is not None and shape.members[payload].type_name == "structure" and payload in members:
        response.body = _document(root, shape.members[payload], members[payload], _namespace(operation))
    if response.body:
        response.headers["Content-Type"] = "application/xml"
    return response


def failure(error: ServiceError, resource: str, request_id: str) -> Response:
    """S3's form of an error, `<Error><Code>…</Code><Message>…</Message>…</Error>`.

    What no XML can hold, as in the name of a key, is replaced: the client must be able to read its error.
    """
    fields = {"Code": error.code, "Message": error.message, **error.details}
    fields |= {"Resource": resource, "RequestId": request_id}
    texts = {name: _UNREADABLE.sub("\ufffd", str(value)) for name, value in fields.items()}
    inner = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in texts.items())
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}</Error>'
    return Response(error.status, {"Content-Type": "application/xml"}, body.encode())


def parse_xml(body: bytes) -> Element:
    """The root of a document in UTF-8, tags without namespaces.

    A document type declaration is refused: entities are how XML is made to grow, or to read files.

    Raises:
        ServiceError: `MalformedXML`.
    """
    builder = TreeBuilder()
    parser = expat.ParserCreate("utf-8", namespace_separator="}")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = lambda tag, _: builder.start(tag.rpartition("}")[2], {})
    parser.EndElementHandler = lambda tag: builder.end(tag.rpartition("}")[2])
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(body, True)
        root: Element = builder.close()
    except (expat.ExpatError, ParseError) as error:
        raise _malformed(str(error)) from None
    return root


def escape(text: str) -> str:
    """Text as XML content; characters that XML has no form for become references, as S3 writes them."""
    return _UNPRINTABLE.sub(lambda match: _NAMED.get(match[0]) or f"&#x{ord(match[0]):x};", text)


def http_date(moment: datetime) -> str:
    """A moment as headers have it."""
    return format_datetime(moment.astimezone(timezone.utc), usegmt=True)


def _refuse_doctype(*_: object) -> None:
    raise _malformed("a document type declaration is not allowed")


def _malformed(reason: str) -> ServiceError:
    return ServiceError(
        "MalformedXML",
        f"The XML you provided was not well-formed or did not validate against our published schema: {reason}.",
    )


def _located(
    member: Shape, uri: Mapping[str, str], query: Mapping[str, str], headers: Mapping[str, str]
) -> Any:
    place = member.serialization
    location = place.get("location")
    if location == "headers":
        prefix = place["name"].lower()
        found = {name[len(prefix) :]: value for name, value in headers.items() if name.startswith(prefix)}
        return found or None
    name = place.get("name", "")
    sources = {"uri": uri, "querystring": query, "header": headers}
    if location not in sources:
        return None
    text = sources[location].get(name.lower() if location == "header" else name)
    return None if text is None else _scalar_or_list(text, member, name)


def _scalar_or_list(text: str, shape: Shape, name: str) -> Any:
    if shape.type_name == "list":
        return [item.strip() for item in text.split(",")]
    try:
        return _scalar(text, shape)
    except ValueError:
        if shape.type_name == "timestamp" and shape.serialization.get("location") == "header":
            return None  # HTTP: a conditional header with an invalid date is ignored
        kind = {"integer": "an integer", "long": "an integer", "timestamp": "a date"}.get(
            shape.type_name, "valid"
        )
        raise ServiceError(
            "InvalidArgument",
            f"Provided {name} {text!r} is not {kind}.",
            details={"ArgumentName": name, "ArgumentValue": text},
        ) from None


def _scalar(text: str, shape: Shape) -> Any:
    if shape.type_name in ("integer", "long"):
        return _integer(text)
    if shape.type_name == "boolean":
        return text.strip().lower() == "true"
    if shape.type_name == "timestamp":
        return _moment(text)
    return text


def _integer(text: str) -> int:
    if not re.fullmatch(r"\s*[+-]?[0-9]{1,19}\s*", text):
        raise ValueError(text)
    return int(text)


def _moment(text: str) -> datetime:
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _structure(element: Element, shape: StructureShape) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, member in shape.members.items():
        found = element.findall(_tag(name, member))
        if found:
            members[name] = _elements(found, member)
    missing = [name for name in shape.required_members if name not in members]
    if missing:
        raise _malformed(f"<{element.tag}> has no <{missing[0]}>")
    return members


def _elements(found: list[Element], shape: Shape) -> Any:
    first = found[0]
    if shape.type_name == "structure":
        return _structure(first, shape)
    if shape.type_name == "list":
        items = found if shape.serialization.get("flattened") else first.findall(_item_tag(shape))
        return [_elements([item], shape.member) for item in items]
    try:
        return _scalar(first.text or "", shape)
    except ValueError:
        raise _malformed(f"<{first.tag}> holds {first.text!r}") from None


def _tag(name: str, shape: Shape) -> str:
    if shape.type_name == "list" and shape.serialization.get("flattened"):
        return str(shape.serialization.get("name") or shape.member.serialization.get("name") or name)
    return str(shape.serialization.get("name", name))


def _item_tag(shape: Shape) -> str:
    return str(shape.member.serialization.get("name", "member"))


def _write_header(headers: dict[str, str], shape: Shape, value: Any) -> None:
    place = shape.serialization
    if place.get("location") == "headers":
        headers.update({place["name"] + name: text for name, text in value.items()})
    elif place.get("location") == "header":
        headers[place["name"]] = http_date(value) if isinstance(value, datetime) else _text(value)


def _namespace(operation: OperationModel) -> str:
    return str(operation.metadata.get("xmlNamespace") or "http://s3.amazonaws.com/doc/2006-03-01/")


def _document(root: str, shape: StructureShape, members: Mapping[str, Any], namespace: str) -> bytes:
    inner = _write_members(shape, members)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return f'{head}<{root} xmlns="{namespace}">{inner}</{root}>'.encode()


def _write_members(shape: StructureShape, members: Mapping[str, Any]) -> str:
    return "".join(
        _write(_tag(name, member), member, members[name])
        for name, member in shape.members.items()
        if members.get(name) is not None and "location" not in member.serialization
    )


def _write(tag: str, shape: Shape, value: Any) -> str:
    if shape.type_name == "list":
        if shape.serialization.get("flattened"):
            return "".join(_write(tag, shape.member, item) for item in value)
        inner = "".join(_write(_item_tag(shape), shape.member, item) for item in value)
    elif shape.type_name == "structure":
        inner = _write_members(shape, value)
    else:
        inner = escape(_text(value))
    return f"<{tag}>{inner}</{tag}>"


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return str(value).lower() if isinstance(value, bool) else str(value)
