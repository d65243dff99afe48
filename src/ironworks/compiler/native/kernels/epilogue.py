"""What is done to a result before it is written: the steps of an operation, as arithmetic on registers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ironworks.compiler.native import ir
from ironworks.compiler.native.ir import Apply, Buffer, Index, Load, Number, Splat, Value
from ironworks.compiler.native.layout import Layout
from ironworks.compiler.native.operations import Step


@dataclass(frozen=True)
class Position:
    """Which element: the first channel of the vector, of a pixel of an image."""

    image: Index
    y: Index
    x: Index
    channel: Index


@dataclass(frozen=True)
class Epilogue:
    """Steps with the layouts of their operands; operand `i` is the kernel's parameter `operand_i`.

    A constant of one number a channel is such an operand too, with the layout of one pixel.
    """

    steps: Sequence[Step] = ()
    layouts: Sequence[Layout | None] = ()

    @property
    def parameters(self) -> tuple[Buffer, ...]:
        """The buffers of the operands."""
        return tuple(Buffer(f"operand_{i}") for i, layout in enumerate(self.layouts) if layout is not None)

    def apply(self, value: Value, position: Position, lanes: int) -> Value:
        """`value` after all steps; `lanes` numbers from `position` on."""
        for number, (step, layout) in enumerate(zip(self.steps, self.layouts, strict=True)):
            other = self._operand(number, step, layout, position, lanes)
            value = _apply(step, value, other, lanes)
        return value

    @staticmethod
    def _operand(
        number: int, step: Step, layout: Layout | None, position: Position, lanes: int
    ) -> Value | None:
        if layout is not None:
            place = layout.stretched(position.image, position.y, position.x) + position.channel
            return Load(Buffer(f"operand_{number}"), place, lanes)
        return None if step.constant is None else _constant(float(step.constant[0]), lanes)


def _constant(value: float, lanes: int) -> Value:
    return Splat(Number(value), lanes) if lanes > 1 else Number(value)


def _apply(step: Step, value: Value, other: Value | None, lanes: int) -> Value:
    if step.kind == "clip":
        if step.low != float("-inf"):
            value = Apply("max", (value, _constant(step.low, lanes)))
        if step.high != float("inf"):
            value = Apply("min", (value, _constant(step.high, lanes)))
        return value
    if other is None:
        return Apply(step.kind, (value,))
    if step.kind == "leaky":
        return Apply("max", (value, ir.multiply(value, other)))
    return Apply(step.kind, (other, value) if step.swapped else (value, other))
