"""Python objects as the bodies of requests, and the bodies of answers as Python objects.

The interface is that of the SageMaker SDK 2.x, so its own serializers and deserializers can be given as well:
`CONTENT_TYPE` and `serialize(data)`; `ACCEPT` and `deserialize(stream, content_type)`.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from typing import IO, Any, Protocol, cast

import numpy as np

from ironworks.errors import ClientError
from ironworks.sdk.legacy import note

JSON = "application/json"
CSV = "text/csv"
NPY = "application/x-npy"
NUMPY_BINARY = "application/vnd+python.numpy+binary"
"""npy under the name that hooks of models compiled by Neo look for."""
RAW = "application/octet-stream"


class Serializer(Protocol):
    """Makes the body of a request."""

    @property
    def CONTENT_TYPE(self) -> str: ...

    def serialize(self, data: Any) -> bytes | str:
        """The body for `data`."""


class Deserializer(Protocol):
    """Reads the body of an answer."""

    @property
    def ACCEPT(self) -> tuple[str, ...]: ...

    def deserialize(self, stream: IO[bytes], content_type: str) -> Any:
        """What the body says."""


class NumpySerializer:
    """Arrays, and whatever NumPy makes arrays of, as npy."""

    def __init__(self, content_type: str = NUMPY_BINARY, dtype: Any = None) -> None:
        self.CONTENT_TYPE = content_type
        self._dtype = dtype

    def serialize(self, data: Any) -> bytes:
        """The npy file of an array.

        Raises:
            ClientError: it is no array of numbers.
        """
        try:
            array = np.asarray(data, self._dtype)
        except ValueError as error:
            raise ClientError(f"The input is no array: {error}. Give rows of one length.") from error
        if array.dtype.kind not in "biuf":
            raise ClientError(
                f"The input is an array of {array.dtype}, and a model takes numbers. Convert it, or choose another "
                "serializer: predictor.serializer = iw.JSONSerializer()"
            )
        body = io.BytesIO()
        np.save(body, array, allow_pickle=False)
        return body.getvalue()


class JSONSerializer:
    """Lists, dicts and numbers as JSON; arrays in them as lists."""

    CONTENT_TYPE = JSON

    def serialize(self, data: Any) -> bytes:
        """JSON in UTF-8.

        Raises:
            ClientError: something in it has no JSON.
        """
        try:
            return json.dumps(data, default=_plain).encode()
        except (TypeError, ValueError) as error:
            raise ClientError(f"The input cannot be written as JSON: {error}.") from error


class CSVSerializer:
    """Rows of numbers as CSV. A text is taken for CSV as it is."""

    CONTENT_TYPE = CSV

    def serialize(self, data: Any) -> str:
        """One line a row."""
        if isinstance(data, str):
            return data
        lines = io.StringIO()
        csv.writer(lines, lineterminator="\n").writerows(np.atleast_2d(np.asarray(data)).tolist())
        return lines.getvalue()


class BytesSerializer:
    """Bytes as they are."""

    def __init__(self, content_type: str = RAW) -> None:
        self.CONTENT_TYPE = content_type

    def serialize(self, data: bytes | str) -> bytes:
        """The same bytes; a text in UTF-8."""
        return data.encode() if isinstance(data, str) else bytes(data)


class ArrayDeserializer:
    """npy, CSV, and JSON lists of numbers as arrays; other JSON as Python objects, anything else as bytes."""

    def __init__(self, accept: str = JSON) -> None:
        # One type and no list of preferences: hooks are given it as it is, and those that look know JSON.
        self.ACCEPT = (accept,)

    def deserialize(self, stream: IO[bytes], content_type: str) -> Any:
        """The array; a dict of them if the model has several outputs and names them."""
        with stream:
            body = stream.read()
        kind = content_type.partition(";")[0].strip().lower()
        if kind in (NPY, NUMPY_BINARY):
            return np.load(io.BytesIO(body), allow_pickle=False)
        if kind == JSON:
            return _arrays(json.loads(body))
        if kind == CSV:
            return np.loadtxt(io.StringIO(body.decode()), delimiter=",", ndmin=2)
        return body


class JSONDeserializer:
    """JSON as Python objects."""

    ACCEPT = (JSON,)

    def deserialize(self, stream: IO[bytes], content_type: str) -> Any:
        """Lists, dicts, numbers and texts."""
        with stream:
            return json.loads(stream.read())


class BytesDeserializer:
    """The body as it is."""

    ACCEPT = ("*/*",)

    def deserialize(self, stream: IO[bytes], content_type: str) -> bytes:
        """The bytes."""
        with stream:
            return stream.read()


def serializer_for(data: Any) -> Serializer:
    """The serializer of whoever names none: bytes raw, texts as CSV, dicts as JSON, everything else as npy."""
    if isinstance(data, bytes | bytearray | memoryview):
        return BytesSerializer()
    if isinstance(data, str):
        return CSVSerializer()
    return JSONSerializer() if isinstance(data, Mapping) else NumpySerializer()


class _FunctionSerializer:
    """A function of the data, which is what 1.x takes; it may have a `content_type`."""

    def __init__(self, function: Callable[[Any], bytes | str]) -> None:
        self.CONTENT_TYPE = getattr(function, "content_type", RAW)
        self.serialize = function


class _FunctionDeserializer:
    """A function of the body and its content type, which is what 1.x takes; it may say what it would `accept`."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.ACCEPT = (getattr(function, "accept", None) or "*/*",)
        self.deserialize = function


def as_serializer(given: Serializer | Callable[[Any], bytes | str] | None) -> Serializer | None:
    """A serializer, also of a function as 1.x has them."""
    if given is None or hasattr(given, "serialize"):
        return cast(Serializer | None, given)
    note(
        "A function as a serializer",
        "give an object with CONTENT_TYPE and serialize(data), as iw.NumpySerializer()",
    )
    return _FunctionSerializer(given)


def as_deserializer(given: Deserializer | Callable[..., Any] | None) -> Deserializer | None:
    """A deserializer, also of a function as 1.x has them."""
    if given is None or hasattr(given, "deserialize"):
        return cast(Deserializer | None, given)
    note("A function as a deserializer", "give an object with ACCEPT and deserialize(stream, content_type)")
    return _FunctionDeserializer(given)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no number, text, list, dict or array")


def _arrays(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _arrays(item) for name, item in value.items()}
    if not isinstance(value, list):
        return value
    try:
        array = np.asarray(value)
    except ValueError:  # rows of different lengths
        return value
    return array if array.dtype.kind in "biuf" else value
