"""What is done to a result before it is written: the steps of an operation, as arithmetic on registers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ironworks.compiler.native import ir
from ironworks.compiler.native.ir import Apply, Buffer, Load, Number, Splat, Value
from ironworks.compiler.native.layout import Layout
from ironworks.compiler.native.operations import Step
from ironworks.compiler.native.view import View

Lying = TypeVar("Lying", Layout, View)

_LONG = ("exp", "tanh", "sigmoid", "erf", "log")
"""Steps of many instructions."""


@dataclass(frozen=True)
class Epilogue(Generic[Lying]):
    """Steps, and where their operands lie; operand `i` is the kernel's parameter `operand_i`.

    Constants of more than one number are operands too. All are layouts of images, or all are views of arrays.
    """

    steps: Sequence[Step] = ()
    layouts: Sequence[Lying | None] = ()

    @property
    def long(self) -> bool:
        """Whether it is better written once, in a loop, than once for each register of a tile."""
        return any(step.kind in _LONG for step in self.steps)

    @property
    def parameters(self) -> tuple[Buffer, ...]:
        """The buffers of the operands."""
        return tuple(Buffer(f"operand_{i}") for i, layout in enumerate(self.layouts) if layout is not None)

    def apply(self, value: Value, position: Any, lanes: int, count: int = 0) -> Value:
        """`value` after all steps; `lanes` numbers from `position` on, `count` of them of meaning.

        The position is a `Position` where operands are images, and indices of an element where they are arrays.
        """
        values = [value]
        for number, (step, layout) in enumerate(zip(self.steps, self.layouts, strict=True)):
            if step.earlier >= 0:
                other: Value | None = values[step.earlier]
            elif layout is not None:
                other = _operand(number, layout, position, lanes, count)
            else:
                other = None if step.constant is None else _constant(float(step.constant.flat[0]), lanes)
            values.append(_apply(step, values[-1], other, lanes))
        return values[-1]


def _operand(number: int, layout: Layout | View, position: Any, lanes: int, count: int) -> Value:
    buffer = Buffer(f"operand_{number}")
    place, one = layout.locate(position)
    if one and lanes > 1:
        return Splat(Load(buffer, place), lanes)
    return Load(buffer, place, lanes, count)


def _constant(value: float, lanes: int) -> Value:
    return Splat(Number(value), lanes) if lanes > 1 else Number(value)


def _apply(step: Step, value: Value, other: Value | None, lanes: int) -> Value:
    if step.kind == "clip":
        if step.low != float("-inf"):
            # The value second, because of the two it is the one whose NaN a processor's maximum gives back.
            value = Apply("max", (_constant(step.low, lanes), value))
        if step.high != float("inf"):
            value = Apply("min", (_constant(step.high, lanes), value))
        return value
    if other is None:
        return Apply(step.kind, (value,))
    if step.kind == "leaky":
        return Apply("max", (value, ir.multiply(value, other)))
    return Apply(step.kind, (other, value) if step.swapped else (value, other))
