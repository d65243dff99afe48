"""NumPy's npy format, as NEP 1 describes it (versions 1 to 3), for numbers only: nothing is ever unpickled."""

from __future__ import annotations

import ast
import math
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_MAGIC = b"\x93NUMPY"
_HEADER_LIMIT = 4096
_ALIGNMENT = 64
"""The data begins at a multiple of it, in bytes."""


def read(body: bytes) -> Array:
    """The array in `body`, without a copy of its data unless its byte order is not this machine's.

    Raises:
        ValueError: it is damaged, or its elements are no numbers.
    """
    if body[:6] != _MAGIC:
        raise ValueError("it does not begin with the signature of the npy format")
    if len(body) < 12 or body[6] not in (1, 2, 3):
        raise ValueError("its npy header is cut off or of an unknown version")
    start = 10 if body[6] == 1 else 12
    end = start + int.from_bytes(body[8:start], "little")
    if end > min(len(body), _HEADER_LIMIT):
        raise ValueError("its npy header is cut off or too long")
    dtype, shape, count, fortran = _parse(body[start:end])
    if len(body) - end != count * dtype.itemsize:
        raise ValueError(
            f"its header says {dtype} of shape {shape}, {count * dtype.itemsize} bytes, "
            f"and {len(body) - end} bytes follow"
        )
    array = np.frombuffer(body, dtype, count, end)
    if not dtype.isnative:
        array = array.astype(dtype.newbyteorder("="))
    return array.reshape(shape[::-1]).T if fortran else array.reshape(shape)


def write(array: Array) -> bytes:
    """`array` in version 1 of the format, C order.

    Raises:
        ValueError: its elements are no numbers.
    """
    if array.dtype.kind not in "biuf":
        raise ValueError(f"its elements are of type {array.dtype}, and npy is written for numbers")
    return _header(array.dtype.str, array.shape) + array.tobytes()


@lru_cache(maxsize=64)
def _parse(header: bytes) -> tuple[np.dtype[Any], tuple[int, ...], int, bool]:
    """Dtype, shape, number of elements, and whether the order is Fortran's.

    Cached, because an endpoint's callers send the same header over and over, and parsing it costs more than
    all the rest of the reading.
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
    return dtype, shape, math.prod(shape), bool(fortran)


@lru_cache(maxsize=64)
def _header(descr: str, shape: tuple[int, ...]) -> bytes:
    fields = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape!r}, }}"
    unpadded = len(_MAGIC) + 4 + len(fields) + 1
    padding = -unpadded % _ALIGNMENT
    text = f"{fields}{' ' * padding}\n".encode()
    return _MAGIC + b"\x01\x00" + len(text).to_bytes(2, "little") + text
