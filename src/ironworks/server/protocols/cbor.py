"""The `rpc-v2-cbor` protocol: one POST, the operation in the path, CBOR both ways.

Sources: smithy.io, "Smithy RPC v2 CBOR protocol"; RFC 8949, "Concise Binary Object Representation".
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

from botocore.model import OperationModel, ServiceModel, Shape

from ironworks.server.errors import ServiceError, UnknownOperation
from ironworks.server.http import Request, Response
from ironworks.server.protocols.validation import validate

CONTENT_TYPE = "application/cbor"
LARGEST_BODY = 1024 * 1024
PROTOCOL = "rpc-v2-cbor"
MOST_LEVELS = 64
"""Of lists and maps in each other."""
_PATH = re.compile(r"/service/(\w+)/operation/(\w+)")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MOMENT_TAG = 1
_SIZES = {24: ">B", 25: ">H", 26: ">I", 27: ">Q"}
_FLOATS = {25: ">e", 26: ">f", 27: ">d"}
_CONSTANTS = {20: False, 21: True, 22: None, 23: None}
_INDEFINITE = 31
_BREAK = object()


def matches(request: Request) -> bool:
    """Whether a request is in this protocol."""
    return request.headers.get("smithy-protocol") == PROTOCOL


def operation(request: Request, model: ServiceModel) -> OperationModel:
    """The operation that `/service/PREFIX/operation/OPERATION` names.

    Raises:
        UnknownOperation: the service's model does not have it.
    """
    match = _PATH.fullmatch(request.path)
    if match is None or match[1] != model.metadata["targetPrefix"] or match[2] not in model.operation_names:
        raise UnknownOperation(match[2] if match else request.path)
    return model.operation_model(match[2])


def parse(body: bytes, model: OperationModel) -> dict[str, Any]:
    """The request's members, checked against the operation's input shape. Timestamps become `datetime`.

    Raises:
        ServiceError: the body is not CBOR, or a member is missing or wrong.
    """
    params = decode(body) if body else {}
    shape = model.input_shape
    if shape is None:
        return {}
    validate(params, shape)
    members: dict[str, Any] = _known(params, shape)
    return members


def serialize(output: dict[str, Any] | None, model: OperationModel, request_id: str) -> Response:
    """The answer: those members of `output` that the operation's output shape has."""
    body = b"" if model.output_shape is None else encode(_known(output or {}, model.output_shape))
    return Response(200, _headers(request_id), body)


def failure(error: ServiceError, request_id: str) -> Response:
    """The error, with its code in the body."""
    body = encode({"__type": error.code, "message": error.message, **error.details})
    return Response(error.status, _headers(request_id), body)


def encode(value: Any) -> bytes:
    """A value as CBOR: None, booleans, numbers, texts, bytes, moments, and lists and maps of them."""
    if value is None:
        return b"\xf6"
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, datetime):
        return _head(6, _MOMENT_TAG) + encode((value - _EPOCH).total_seconds())
    if isinstance(value, str | bytes):
        data = value.encode() if isinstance(value, str) else value
        return _head(3 if isinstance(value, str) else 2, len(data)) + data
    if isinstance(value, dict):
        return _head(5, len(value)) + b"".join(encode(part) for item in value.items() for part in item)
    return _head(4, len(value)) + b"".join(map(encode, value))


def decode(data: bytes) -> Any:
    """What `encode` gave, or another writer of CBOR. Tags other than that of moments are passed over.

    Raises:
        ServiceError: the data is not one whole value.
    """
    reader = _Reader(data)
    try:
        value = reader.value(MOST_LEVELS)
    except (struct.error, ValueError, TypeError, OverflowError) as error:
        raise _malformed(str(error)) from None
    if value is _BREAK or reader.position != len(data):
        raise _malformed("it does not end where its value ends")
    return value


class _Reader:
    """Reads values one after the other; `position` is the first byte that was not read."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0

    def value(self, levels: int) -> Any:
        """The next value, with at most so many `levels` in it."""
        if levels == 0:
            raise ValueError(f"more than {MOST_LEVELS} levels")
        head = self._take(1)[0]
        kind, detail = head >> 5, head & 31
        if kind == 7:
            return self._simple(detail)
        size = None if detail == _INDEFINITE and 2 <= kind <= 5 else self._size(detail)
        if kind in (2, 3):
            return self._string(kind, size, levels)
        if kind == 4:
            return self._items(size, lambda: self.value(levels - 1))
        if kind == 5:
            return dict(self._items(size, lambda: self._entry(levels - 1)))
        assert size is not None
        if kind == 6:
            inner = self.value(levels - 1)
            return _EPOCH + timedelta(seconds=inner) if size == _MOMENT_TAG else inner
        return size if kind == 0 else -1 - size

    def _simple(self, detail: int) -> Any:
        if detail in _FLOATS:
            return self._unpack(_FLOATS[detail])
        if detail == _INDEFINITE:
            return _BREAK
        if detail not in _CONSTANTS:
            raise ValueError(f"the simple value {detail}")
        return _CONSTANTS[detail]

    def _size(self, detail: int) -> int:
        if detail < 24:
            return detail
        if detail not in _SIZES:
            raise ValueError(f"the size {detail}")
        return int(self._unpack(_SIZES[detail]))

    def _string(self, kind: int, size: int | None, levels: int) -> str | bytes:
        if size is None:
            parts = self._items(None, lambda: self.value(levels - 1))
            return "".join(parts) if kind == 3 else b"".join(parts)
        data = self._take(size)
        return data.decode() if kind == 3 else data

    def _items(self, count: int | None, read: Callable[[], Any]) -> list[Any]:
        items: list[Any] = []
        while len(items) != count:
            item = read()
            if item is _BREAK:
                if count is None:
                    return items
                raise ValueError("a break where a value should be")
            items.append(item)
        return items

    def _entry(self, levels: int) -> Any:
        key = self.value(levels)
        return key if key is _BREAK else (key, self._items(1, lambda: self.value(levels))[0])

    def _unpack(self, form: str) -> Any:
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def _take(self, size: int) -> bytes:
        taken = self._data[self.position : self.position + size]
        if len(taken) < size:
            raise ValueError("it ends in the middle of a value")
        self.position += size
        return taken


def _head(kind: int, size: int) -> bytes:
    if size < 24:
        return bytes([kind << 5 | size])
    for detail, form in _SIZES.items():
        if size < 1 << 8 * struct.calcsize(form):
            return bytes([kind << 5 | detail]) + struct.pack(form, size)
    raise OverflowError(f"{size} has more than 64 bits")


def _known(value: Any, shape: Shape) -> Any:
    """The members that the shape has, of the types that it says."""
    if shape.type_name == "structure":
        return {
            name: _known(value[name], member)
            for name, member in shape.members.items()
            if value.get(name) is not None
        }
    if shape.type_name == "list":
        return [_known(item, shape.member) for item in value]
    if shape.type_name == "map":
        return {key: _known(item, shape.value) for key, item in value.items()}
    if shape.type_name in ("float", "double"):
        return float(value)
    if shape.type_name == "timestamp" and not isinstance(value, datetime):
        raise ServiceError("SerializationException", f"{value!r} is not a moment: give seconds with tag 1.")
    return value


def _headers(request_id: str) -> dict[str, str]:
    return {"Content-Type": CONTENT_TYPE, "smithy-protocol": PROTOCOL, "x-amzn-RequestId": request_id}


def _malformed(reason: str) -> ServiceError:
    return ServiceError("SerializationException", f"The request's body is not CBOR: {reason}.")
