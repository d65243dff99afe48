"""The graph as the generator sees it: few kinds of operations, each with what is done to its result on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Step:
    """One thing done to each element.

    Attributes:
        kind: an operation of the kernel language (`add`, `max`, `tanh` …), or `clip`.
        operand: a tensor of the same shape or one that broadcasts to it, for operations of two arguments.
        constant: instead of the operand, one number, or one a channel (of images), or an array that broadcasts.
        earlier: instead of the operand, what the chain had after so many steps; 0 is what it began with.
        swapped: whether the operand is the left argument.
        low, high: of `clip`.
    """

    kind: str
    operand: str = ""
    constant: Array | None = None
    earlier: int = -1
    swapped: bool = False
    low: float = float("-inf")
    high: float = float("inf")


@dataclass
class Operation:
    """A node after fusion.

    Attributes:
        kind: what it does; `lowering` and `array_lowering` have the lists.
        arrays: whether it works on arrays as they are, not on images.
        weight: of `dense` (inputs, outputs); of `convolution` (outputs, inputs a group, height, width).
        bias: one number an output.
        steps: applied to the result, in order, before it is written.
    """

    kind: str
    name: str
    inputs: list[str]
    output: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    weight: Array | None = None
    bias: Array | None = None
    steps: list[Step] = field(default_factory=list)
    arrays: bool = False

    @property
    def reads(self) -> list[str]:
        """Every tensor that it reads."""
        return [*self.inputs, *(step.operand for step in self.steps if step.operand)]
