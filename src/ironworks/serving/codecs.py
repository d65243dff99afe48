"""Arrays from request bodies and answer bodies from arrays, by content type."""

from __future__ import annotations

import ast
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ironworks.serving.errors import InvocationError
from ironworks.serving.invocation import JSON

Array = npt.NDArray[Any]
Inputs = Array | dict[str, Array]

CSV = "text/csv"
RAW = "application/octet-stream"
NPY = "application/x-npy"
NUMPY_BINARY = "application/vnd+python.numpy+binary"
"""The name that the SageMaker SDK's own numpy serializer gives to npy."""

_NPY_MAGIC = b"\x93NUMPY"
_NPY_HEADER_LIMIT = 4096


def media_type(content_type: str) -> str:
    """`text/csv` of `Text/CSV; charset=utf-8`."""
    return content_type.partition(";")[0].strip().lower()


def decode(body: bytes, content_type: str, input_names: Sequence[str] = ()) -> Inputs:
    """The model's input: an array, or arrays by input name when the payload names them.

    npy keeps its dtype; JSON and CSV numbers become int64 or float64; raw bytes are little-endian float32.

    Raises:
        InvocationError: 415 for a content type that is not known, 400 for a payload that cannot be read.
    """
    reader = _READERS.get(media_type(content_type))
    if reader is None:
        raise InvocationError(
            415, f"The content type {content_type!r} is not supported. Send one of: {', '.join(_READERS)}."
        )
    try:
        return reader(body, input_names)
    except ValueError as error:
        raise InvocationError(400, f"The payload is not readable as {content_type}: {error}.") from None


def encode(value: Any, accept: str) -> tuple[bytes, str]:
    """`value` in the first format of the `Accept` header that is known, and that format's content type.

    Args:
        value: an array, or for JSON anything made of arrays, numbers, strings, lists and dicts.
        accept: an `Accept` header; `*/*` stands for JSON.

    Raises:
        InvocationError: 406 when no format of `accept` is known, or none can hold `value`.
    """
    content_type = _negotiate(accept)
    return _WRITERS[content_type](value), content_type


def _negotiate(accept: str) -> str:
    for wanted in _by_preference(accept):
        if wanted in ("*/*", "application/*", ""):
            return JSON
        if wanted == "text/*":
            return CSV
        if wanted in _WRITERS:
            return wanted
    raise InvocationError(
        406, f"The answer is not available as {accept!r}. Accept one of: {', '.join(_WRITERS)}."
    )


@lru_cache(maxsize=64)
def _by_preference(accept: str) -> tuple[str, ...]:
    """Media types of an `Accept` header, the most wanted first (RFC 9110, 12.5.1), without those of weight 0."""
    weighted = []
    for item in accept.split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        weights = [parameter[2:] for parameter in parameters if parameter.startswith("q=")]
        try:
            weight = float(weights[0]) if weights else 1.0
        except ValueError:
            weight = 0.0
        if weight > 0:
            weighted.append((-weight, name.lower()))
    return tuple(name for _, name in sorted(weighted, key=lambda pair: pair[0]))


def _read_npy(body: bytes, _names: Sequence[str]) -> Array:
    """An array in NumPy's npy format, versions 1 to 3, as NEP 1 describes it, without a copy of the data."""
    if body[:6] != _NPY_MAGIC:
        raise ValueError("it does not begin with the signature of the npy format")
    if len(body) < 12 or body[6] not in (1, 2, 3):
        raise ValueError("its npy header is cut off or of an unknown version")
    width = 2 if body[6] == 1 else 4
    start = 8 + width
    end = start + int.from_bytes(body[8:start], "little")
    if end > min(len(body), _NPY_HEADER_LIMIT):
        raise ValueError("its npy header is cut off or too long")
    dtype, shape, fortran = _npy_header(body[start:end])
    count = math.prod(shape)
    if len(body) - end != count * dtype.itemsize:
        raise ValueError(
            f"its header says {dtype} of shape {shape}, {count * dtype.itemsize} bytes, "
            f"and {len(body) - end} bytes follow"
        )
    flat = np.frombuffer(body, dtype, count, end)
    return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)


@lru_cache(maxsize=64)
def _npy_header(header: bytes) -> tuple[np.dtype[Any], tuple[int, ...], bool]:
    """Cached, because an endpoint's callers send the same header over and over, and parsing it costs more
    than all the rest of the reading.
    """
    try:
        fields = ast.literal_eval(header.decode("utf-8").strip())
        dtype, shape, fortran = np.dtype(fields["descr"]), fields["shape"], fields["fortran_order"]
    except (ValueError, SyntaxError, TypeError, KeyError, RecursionError, MemoryError) as error:
        raise ValueError("its npy header cannot be parsed") from error
    if dtype.kind not in "biuf":
        raise ValueError(f"its elements are of type {dtype}; send numbers")
    if not isinstance(shape, tuple) or any(type(size) is not int or size < 0 for size in shape):
        raise ValueError(f"its shape is {shape!r}")
    return dtype, shape, bool(fortran)


def _read_csv(body: bytes, _names: Sequence[str]) -> Array:
    """Rows of numbers, shape (rows, columns), float64."""
    text = body.decode("utf-8-sig")
    if not text.strip():
        raise ValueError("it is empty")
    return np.loadtxt(io.StringIO(text), dtype=np.float64, delimiter=",", comments=None, ndmin=2)


def _read_raw(body: bytes, _names: Sequence[str]) -> Array:
    if not body or len(body) % 4:
        raise ValueError(f"{len(body)} bytes are not a sequence of 4-byte floats")
    return np.frombuffer(body, "<f4")


def _read_json(body: bytes, names: Sequence[str]) -> Inputs:
    """A list, `{"instances": list}`, `{"inputs": list or {name: list}}` or `{name: list}`."""
    try:
        document = json.loads(body)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if isinstance(document, dict) and len(document) == 1:
        (key,) = document
        if key in ("instances", "inputs") and key not in names:
            document = document[key]
    if isinstance(document, dict):
        return {name: _numbers(value, f"the value of {name!r}") for name, value in document.items()}
    return _numbers(document, "it")


def _numbers(value: Any, name: str) -> Array:
    """A number or a list of lists of numbers as an array."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} is a list whose rows differ in length") from error
    if array.dtype.kind not in "biuf" or array.size == 0:
        raise ValueError(f"{name} is not a list of numbers")
    return array


def _write_json(value: Any) -> bytes:
    return json.dumps(value, default=_plain, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    """For `json.dumps`: NumPy's arrays and numbers in Python's own types."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"A {type(value).__name__} cannot be written as JSON.")


def _one_array(value: Any, content_type: str) -> Array:
    if isinstance(value, Mapping):
        raise InvocationError(
            406, f"The model has {len(value)} outputs and {content_type} holds one. Accept {JSON}."
        )
    return np.asarray(value)


def _write_csv(value: Any) -> bytes:
    """A line for each row; more than two dimensions are flattened behind the first."""
    array = _one_array(value, CSV)
    rows = array.reshape(len(array), -1) if array.ndim > 1 else array.reshape(1, -1)
    return "".join(",".join(map(str, row)) + "\n" for row in rows.tolist()).encode()


def _write_npy(value: Any) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, _one_array(value, NPY), allow_pickle=False)
    return stream.getvalue()


_READERS: dict[str, Callable[[bytes, Sequence[str]], Inputs]] = {
    JSON: _read_json,
    CSV: _read_csv,
    NPY: _read_npy,
    NUMPY_BINARY: _read_npy,
    RAW: _read_raw,
}
_WRITERS: dict[str, Callable[[Any], bytes]] = {
    JSON: _write_json,
    CSV: _write_csv,
    NPY: _write_npy,
    NUMPY_BINARY: _write_npy,
}
