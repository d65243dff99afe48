"""Arrays from request bodies and answer bodies from arrays, by content type.

One module a format: `npy`, `text` (JSON and CSV), and `negotiation` of the answer's. They need numpy alone, so that
they run in a framework's own environment as well; where orjson is installed, text is read and written by it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ironworks.serving.codecs import npy, text
from ironworks.serving.codecs.negotiation import choose, media_type
from ironworks.serving.errors import InvocationError
from ironworks.serving.invocation import JSON

__all__ = ["CSV", "NPY", "NUMPY_BINARY", "RAW", "Array", "Inputs", "decode", "encode", "media_type"]

Array = npt.NDArray[Any]
Inputs = Array | dict[str, Array]

CSV = "text/csv"
RAW = "application/octet-stream"
NPY = "application/x-npy"
NUMPY_BINARY = "application/vnd+python.numpy+binary"
"""The name that the SageMaker SDK's own numpy serializer gives to npy."""


def decode(body: bytes, content_type: str, input_names: Sequence[str] = ()) -> Inputs:
    """The model's input: an array, or arrays by input name when the payload names them.

    npy keeps its dtype, its data stays in `body`; CSV is float64; JSON is int64 or float64; raw bytes are
    little-endian float32, and stay in `body`, too.

    Raises:
        InvocationError: 415 for a content type that is not known, 400 for a payload that cannot be read.
    """
    reader = _READERS.get(content_type) or _READERS.get(media_type(content_type))
    if reader is None:
        raise InvocationError(
            415, f"The content type {content_type!r} is not supported. Send one of: {', '.join(_READERS)}."
        )
    try:
        return reader(body, input_names)
    except ValueError as error:
        raise InvocationError(400, f"The payload is not readable as {content_type}: {error}.") from None


def encode(value: Any, accept: str) -> tuple[bytes, str]:
    """`value` in the most wanted format of the `Accept` header that is known, and that format's content type.

    Args:
        value: an array, or for JSON anything made of arrays, numbers, strings, lists and dicts.
        accept: an `Accept` header; `*/*` stands for JSON.

    Raises:
        InvocationError: 406 when no format of `accept` is known, or none can hold `value`.
    """
    content_type = choose(accept, tuple(_WRITERS))
    return _WRITERS[content_type](value), content_type


def _read_raw(body: bytes, _names: Sequence[str]) -> Array:
    if not body or len(body) % 4:
        raise ValueError(f"{len(body)} bytes are not a sequence of 4-byte floats")
    return np.frombuffer(body, "<f4")


def _read_npy(body: bytes, _names: Sequence[str]) -> Array:
    return npy.read(body)


def _read_csv(body: bytes, _names: Sequence[str]) -> Array:
    return text.read_csv(body)


def _one_array(value: Any, content_type: str) -> Array:
    if isinstance(value, Mapping):
        raise InvocationError(
            406, f"The model has {len(value)} outputs and {content_type} holds one. Accept {JSON}."
        )
    return np.asarray(value)


def _write_npy(value: Any) -> bytes:
    return npy.write(_one_array(value, NPY))


def _write_csv(value: Any) -> bytes:
    return text.write_csv(_one_array(value, CSV))


_READERS: dict[str, Callable[[bytes, Sequence[str]], Inputs]] = {
    JSON: text.read_json,
    CSV: _read_csv,
    NPY: _read_npy,
    NUMPY_BINARY: _read_npy,
    RAW: _read_raw,
}
_WRITERS: dict[str, Callable[[Any], bytes]] = {
    JSON: text.write_json,
    CSV: _write_csv,
    NPY: _write_npy,
    NUMPY_BINARY: _write_npy,
}
