"""A node of a symbol while it is translated: typed attributes in, ONNX nodes out."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import helper

from ironworks.compiler.graph import GraphBuilder, ShapeConflict


class UnsupportedVariant(Exception):
    """An operator that is supported, with an attribute that is not."""


def widened(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """float32 for half precision, which CPUs do not compute in; any other dtype is itself."""
    return np.dtype(np.float32) if dtype == np.float16 else dtype


@dataclass(frozen=True)
class Node:
    """A node of the symbol.

    Attributes:
        attributes: as in the file, all texts; the accessors read them as MXNet does.
        inputs: names of ONNX tensors.
    """

    name: str
    operator: str
    attributes: Mapping[str, str]
    inputs: Sequence[str]
    builder: GraphBuilder

    def text(self, key: str, default: str) -> str:
        """An attribute as it is written."""
        return self.attributes.get(key, default)

    def flag(self, key: str, default: bool = False) -> bool:
        """A truth value: `True`, `1`, `true`."""
        return self.attributes.get(key, str(default)) in ("True", "1", "true")

    def number(self, key: str, default: float) -> float:
        """A floating-point number."""
        return float(self.attributes.get(key, default))

    def integer(self, key: str, default: int | None = None) -> int:
        """A whole number; without a default it must be there."""
        return int(self.attributes[key]) if default is None else int(self.attributes.get(key, default))

    def integers(self, key: str, default: Sequence[int] = ()) -> list[int]:
        """A tuple of whole numbers, `(1, 1)`; a single number counts as a tuple of one."""
        value = self.sequence(key)
        return list(default) if value is None else [int(item) for item in value if item is not None]

    def sequence(self, key: str) -> list[int | None] | None:
        """A tuple of whole numbers or None (`(0, None)`); None if the attribute is `None`, `()` or absent."""
        value = ast.literal_eval(self.attributes.get(key, "None").replace("L", ""))
        if value in (None, (), []):
            return None
        return list(value) if isinstance(value, (tuple, list)) else [value]

    def numbers(self, key: str, default: Sequence[float] = ()) -> list[float]:
        """A tuple of floating-point numbers; a single number counts as a tuple of one."""
        value = ast.literal_eval(self.attributes.get(key, "None"))
        if value is None or value == ():
            return list(default)
        return [float(item) for item in value] if isinstance(value, (tuple, list)) else [float(value)]

    def given(self, key: str) -> bool:
        """Whether an attribute is there and not `None`."""
        return self.text(key, "None") != "None"

    def shape(self, position: int = 0) -> tuple[int, ...]:
        """The shape of the input at `position`."""
        return self.builder.shape(self.inputs[position])

    def dtype(self, position: int = 0) -> np.dtype[Any]:
        """The dtype of the input at `position`."""
        return self.builder.dtype(self.inputs[position])

    def axis(self, key: str, default: int) -> int:
        """An axis of the first input, counted from 0.

        Raises:
            ShapeConflict: the input has no such axis.
        """
        axis, rank = self.integer(key, default), len(self.shape())
        if not -rank <= axis < rank:
            raise ShapeConflict(f"it has no axis {axis}")
        return axis % rank

    def parameter(self, position: int, shape: Sequence[int]) -> str:
        """The input at `position`, which must have `shape`.

        Raises:
            ShapeConflict: it has another.
        """
        found = self.shape(position)
        if found != tuple(shape):
            raise ShapeConflict(
                f"its parameter {self.inputs[position]} has the shape {list(found)}, and the input asks for "
                f"{list(shape)}"
            )
        return self.inputs[position]

    def emit(self, operator: str, inputs: Sequence[str], suffix: str = "", **attributes: Any) -> str:
        """Add an ONNX node with one output, named after this node."""
        return self.builder.add(operator, inputs, self.name + suffix, **attributes)[0]

    def cast(self, tensor: str, dtype: np.dtype[Any] | type[np.generic], suffix: str = "") -> str:
        """`tensor` in another dtype."""
        if self.builder.dtype(tensor) == np.dtype(dtype):
            return tensor
        code = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.emit("Cast", [tensor], suffix, to=code)

    def constant(self, suffix: str, value: NDArray[Any] | Sequence[int]) -> str:
        """Add a constant; whole numbers become int64."""
        return self.builder.constant(f"{self.name}_{suffix}", np.asarray(value))

    def scalar(self, suffix: str, value: float, position: int = 0) -> str:
        """Add a number of the dtype of the input at `position`."""
        return self.constant(suffix, np.asarray(value, self.dtype(position)))

    def cut(self, tensor: str, start: int, end: int, axis: int, suffix: str) -> str:
        """`tensor` from `start` to before `end` along `axis`."""
        parts = (("start", start), ("end", end), ("along", axis))
        return self.emit("Slice", [tensor, *(self.constant(key, [value]) for key, value in parts)], suffix)

    def reshape(self, tensor: str, shape: Sequence[int], suffix: str = "") -> str:
        """`tensor` in another shape."""
        if self.builder.shape(tensor) == tuple(shape):
            return tensor
        return self.emit("Reshape", [tensor, self.constant("shape", np.array(shape, np.int64))], suffix)
