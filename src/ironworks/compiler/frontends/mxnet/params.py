"""Reads `NAME-NNNN.params`, a list of named arrays in little-endian binary.

    u64 0x112, u64 0 | u64 n, n arrays | u64 m, m names (u64 length, bytes)

An array begins with a magic number of 32 bits:

| version | magic | then |
|---|---|---|
| 3 (numpy shapes) | 0xF993FACA | i32 storage, shape (i32 rank, i64 …), i32 device, i32 device number, i32 dtype, data |
| 2 | 0xF993FAC9 | the same; a rank of 0 means that there is no array |
| 1 | 0xF993FAC8 | as 2, without storage |
| oldest | the rank itself | u32 dimensions, then as 1 |

Source: `NDArray::Save` and `NDArray::Load` in `src/ndarray/ndarray.cc` of Apache MXNet 1.9.1.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ironworks.errors import ClientError

_LIST_MAGIC = 0x112
_V1, _V2, _V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
_DENSE = (0, -1)  # -1 is "undefined", which MXNet writes for an array without data
_BFLOAT16 = 12
_DTYPES = {0: "<f4", 1: "<f8", 2: "<f2", 3: "u1", 4: "<i4", 5: "i1", 6: "<i8", 7: "?", _BFLOAT16: "<u2"}
_MOST_DIMENSIONS = 32


class _Malformed(ValueError):
    pass


def read_params(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays in the file `path` by name, without MXNet's prefixes `arg:` and `aux:`.

    bfloat16 is answered as float32, which holds it exactly.

    Raises:
        ClientError: as `read_prefixed_params`.
    """
    return {name.split(":", 1)[-1]: array for name, array in read_prefixed_params(path).items()}


def read_prefixed_params(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays in the file `path` by the names that it has for them: `arg:fc1_weight`.

    Raises:
        ClientError: the file is damaged, is no list of named arrays, or has a sparse one.
    """
    try:
        return _Reader(path.read_bytes()).named_arrays()
    except ValueError as error:  # ours, numpy's of a shape, or a name's of UTF-8
        raise ClientError(
            f"{path.name} is not a parameter file as MXNet saves it: {error}. Save it again with "
            "Module.save_checkpoint or HybridBlock.export, and pack it unchanged."
        ) from error


def write_float32_params(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write `arrays` into the file `path` in version 2 of the layout, every number as float32."""
    with path.open("wb") as file:
        file.write(struct.pack("<QQQ", _LIST_MAGIC, 0, len(arrays)))
        for array in arrays.values():
            file.write(struct.pack(f"<Iii{array.ndim}q", _V2, 0, array.ndim, *array.shape))
            file.write(struct.pack("<iii", 1, 0, 0))
            file.write(np.ascontiguousarray(array, "<f4").tobytes())
        file.write(struct.pack("<Q", len(arrays)))
        for name in arrays:
            encoded = name.encode()
            file.write(struct.pack("<Q", len(encoded)) + encoded)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def named_arrays(self) -> dict[str, NDArray[Any]]:
        if len(self._data) < 24 or self._number("Q") != _LIST_MAGIC:
            raise _Malformed("it does not begin with 0x112")
        self._number("Q")
        arrays = [self._array() for _ in range(self._number("Q"))]
        names = [self._name() for _ in range(self._number("Q"))]
        if self._position != len(self._data):
            raise _Malformed(f"{len(self._data) - self._position} bytes follow its end")
        if len(names) != len(arrays):
            raise _Malformed(f"it has {len(arrays)} arrays and {len(names)} names")
        return {name: array for name, array in zip(names, arrays, strict=True) if array is not None}

    def _array(self) -> NDArray[Any] | None:
        magic = self._number("I")
        if magic in (_V2, _V3):
            storage = self._number("i")
            if storage not in _DENSE:
                raise _Malformed(
                    "it has a sparse array, which cannot be compiled; store it with tostype('default')"
                )
            shape = self._shape("i", "q")
        elif magic == _V1:
            shape = self._shape("I", "q")
        else:
            self._position -= 4
            shape = self._shape("I", "I")
        if not shape and magic != _V3:
            return None
        self._number("i")
        self._number("i")
        return self._values(shape, self._number("i"))

    def _shape(self, rank_format: str, format: str) -> tuple[int, ...]:
        rank = self._number(rank_format)
        if not 0 <= rank <= _MOST_DIMENSIONS:
            raise _Malformed(f"an array at byte {self._position - 4} has {rank} dimensions")
        shape = tuple(self._number(format) for _ in range(rank))
        if any(dimension < 0 for dimension in shape):
            raise _Malformed(f"an array before byte {self._position} has the shape {shape}")
        return shape

    def _values(self, shape: tuple[int, ...], code: int) -> NDArray[Any]:
        if code not in _DTYPES:
            raise _Malformed(f"an array at byte {self._position} has the unknown dtype {code}")
        dtype = np.dtype(_DTYPES[code])
        raw = self._bytes(prod(shape) * dtype.itemsize)
        values = np.frombuffer(raw, dtype).reshape(shape)
        if code == _BFLOAT16:
            return (values.astype(np.uint32) << 16).view(np.float32)
        return values

    def _name(self) -> str:
        return self._bytes(self._number("Q")).decode()

    def _number(self, format: str) -> int:
        layout = struct.Struct("<" + format)
        return int(layout.unpack(self._bytes(layout.size))[0])

    def _bytes(self, count: int) -> bytes:
        end = self._position + count
        if end > len(self._data):
            raise _Malformed(f"it ends at byte {len(self._data)}, where {end} are needed")
        start, self._position = self._position, end
        return self._data[start:end]
