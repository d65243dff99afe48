"""What a kernel means, in NumPy: slow, and simple enough to be believed. Generated code is tested against it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import erf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ironworks.compiler.native import ir

Array = NDArray[Any]


def _erf(values: Array) -> Array:
    return np.array([erf(value) for value in np.ravel(values)], np.float32).reshape(np.shape(values))


_OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "max": np.maximum,
    "min": np.minimum,
    "neg": np.negative,
    "abs": np.abs,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "tanh": np.tanh,
    "sigmoid": lambda value: np.float32(1) / (np.float32(1) + np.exp(-value)),
    "erf": _erf,
    "log": np.log,
    "floor": np.floor,
}
_ACROSS: Mapping[str, Callable[..., Any]] = {"add": np.sum, "max": np.max, "min": np.min, "mul": np.prod}


def interpret(kernel: ir.Kernel, arguments: Mapping[str, tuple[Array, int]]) -> None:
    """Run `kernel` in place: by parameter name, a flat array and the element of it that index 0 means.

    Raises:
        IndexError: the kernel reads or writes beyond an array.
    """
    with np.errstate(all="ignore"):
        _Frame(dict(arguments)).execute(kernel.body)


class _Frame:
    def __init__(self, buffers: dict[str, tuple[Array, int]]) -> None:
        self._buffers = buffers
        self._variables: dict[str, int] = {}
        self._registers: dict[str, Any] = {}

    def execute(self, body: tuple[ir.Statement, ...]) -> None:
        for statement in body:
            self._step(statement)

    def _step(self, statement: ir.Statement) -> None:
        match statement:
            case ir.Let(name, value, lanes):
                self._registers[name] = np.zeros(lanes, np.float32) + self._value(value)
            case ir.Set(name, value):
                self._registers[name] = np.zeros_like(self._registers[name]) + self._value(value)
            case ir.Store(buffer, index, value, lanes, count):
                count = count or lanes
                self._slice(buffer, index, count)[:] = np.ravel(self._value(value))[:count]
            case ir.Scratch(buffer, elements):
                self._buffers[buffer.name] = np.zeros(elements, buffer.dtype), 0
            case ir.FindNonzero(source, index, count, positions, length):
                found = np.flatnonzero(self._slice(source, index, count))
                self._buffers[positions.name][0][: len(found)] = found
                self._variables[length] = len(found)
            case ir.LoadIndex(name, buffer, index, size):
                row = int(self._slice(buffer, index, 1)[0])
                row += size if row < 0 else 0
                self._variables[name] = min(max(row, 0), size - 1) if size else row
            case ir.Limit(name, index, most):
                self._variables[name] = min(self._index(index), most)
            case ir.For() | ir.Block() | ir.Below():
                self._compound(statement)

    def _compound(self, statement: ir.For | ir.Block | ir.Below) -> None:
        match statement:
            case ir.For(variable, count, body, step):
                for position in range(0, self._index(count), step):
                    self._variables[variable] = position
                    self.execute(body)
            case ir.Block(body):
                self.execute(body)
            case ir.Below(variable, limit, then, otherwise):
                self.execute(then if self._variables[variable] < limit else otherwise)

    def _value(self, value: ir.Value) -> Any:
        match value:
            case ir.Number(number):
                return np.float32(number)
            case ir.Local(name):
                return self._registers[name]
            case ir.Load(buffer, index, lanes, count):
                loaded = np.zeros(lanes, np.float32)
                loaded[: count or lanes] = self._slice(buffer, index, count or lanes)
                return loaded
            case ir.Splat(inner, lanes):
                return np.zeros(lanes, np.float32) + self._value(inner)
            case ir.Apply(operation, arguments):
                return _OPERATIONS[operation](*(self._value(item) for item in arguments))
            case ir.Across(operation, inner, lanes):
                return _ACROSS[operation](self._value(inner)[:lanes])

    def _index(self, index: ir.Index) -> int:
        return index.constant + sum(self._variables[name] * factor for name, factor in index.terms)

    def _slice(self, buffer: ir.Buffer, index: ir.Index, lanes: int) -> Array:
        array, origin = self._buffers[buffer.name]
        start = origin + self._index(index)
        if start < 0 or start + lanes > len(array):
            raise IndexError(f"{buffer.name}[{start} : {start + lanes}] of {len(array)} elements")
        return array[start : start + lanes]
