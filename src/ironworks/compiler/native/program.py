"""A compiled network: kernels, the order in which they are called, and the memory that they work on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ironworks.compiler.native import ir
from ironworks.compiler.native.arena import Interval, plan
from ironworks.compiler.native.interpreter import interpret

Array = NDArray[Any]
Space = Literal["workspace", "weights", "input", "output"]


@dataclass(frozen=True)
class Memory:
    """A stretch of memory: an input or output (by `number`), weights, or a tensor of the workspace.

    `dtype` is another than float32 in inputs only.
    """

    space: Space
    number: int
    elements: int
    dtype: str = "float32"


@dataclass(frozen=True)
class Place:
    """Where an argument points: `offset` elements into a memory."""

    memory: Memory
    offset: int = 0


@dataclass(frozen=True)
class Call:
    """A kernel on its arguments, in the order of its parameters."""

    kernel: ir.Kernel
    arguments: tuple[Place, ...]


@dataclass(frozen=True)
class Program:
    """What one run does.

    Attributes:
        workspace: elements of float32 that a run needs.
        offsets: where each tensor of the workspace begins, by its number.
        weights: by their number, each float32.
    """

    calls: Sequence[Call]
    workspace: int
    offsets: Mapping[int, int]
    weights: Sequence[Array]
    outputs: Sequence[int]
    flops: float

    @property
    def kernels(self) -> list[ir.Kernel]:
        """Each that is called, once."""
        return list(dict.fromkeys(call.kernel for call in self.calls))

    def interpret(self, inputs: Sequence[Array]) -> list[Array]:
        """Run with the interpreter: flat float32 arrays in and out."""
        workspace = np.full(self.workspace, np.nan, np.float32)
        outputs = [np.zeros(elements, np.float32) for elements in self.outputs]
        flat = [np.ascontiguousarray(array, np.float32).ravel() for array in inputs]
        for call in self.calls:
            arrays = {}
            for parameter, place in zip(call.kernel.parameters, call.arguments, strict=True):
                memory = place.memory
                if memory.space == "workspace":
                    start = self.offsets[memory.number]
                    array = workspace[start : start + memory.elements]
                else:
                    spaces = {"weights": self.weights, "input": flat, "output": outputs}
                    array = spaces[memory.space][memory.number]
                arrays[parameter.name] = array, place.offset
            interpret(call.kernel, arrays)
        return outputs


class ProgramBuilder:
    """Collects calls; knows which memory is needed when."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._weights: list[Array] = []
        self._known: dict[bytes, Memory] = {}
        self._tensors = 0

    def tensor(self, elements: int) -> Memory:
        """Memory of the workspace."""
        self._tensors += 1
        return Memory("workspace", self._tensors - 1, elements)

    def weight(self, array: Array) -> Memory:
        """Constants; equal ones are kept once."""
        flat = np.ascontiguousarray(array, np.float32).ravel()
        key = flat.tobytes()
        if key not in self._known:
            self._weights.append(flat)
            self._known[key] = Memory("weights", len(self._weights) - 1, flat.size)
        return self._known[key]

    def call(self, kernel: ir.Kernel, *arguments: Place) -> None:
        """Call `kernel`."""
        self._calls.append(Call(kernel, arguments))

    def mark(self) -> int:
        """The number of calls so far."""
        return len(self._calls)

    def repeat(
        self, start: int, times: int, result: Memory, whole: Memory, strides: Mapping[Memory, int]
    ) -> None:
        """Make the calls from `start` on `times` times, with `whole` in place of `result`.

        With each time the places in a memory of `strides` move on by so many elements.
        """
        calls, self._calls = self._calls[start:], self._calls[:start]
        for time in range(times):
            for call in calls:
                places = [
                    Place(whole, place.offset) if place.memory == result else place
                    for place in call.arguments
                ]
                moved = (
                    Place(place.memory, place.offset + time * strides.get(place.memory, 0))
                    for place in places
                )
                self._calls.append(Call(call.kernel, tuple(moved)))

    def finish(self, outputs: Sequence[int], flops: float) -> Program:
        """The program, with a plan of its workspace; `outputs` has the elements of each output."""
        spans: dict[int, Interval] = {}
        for position, call in enumerate(self._calls):
            for place in call.arguments:
                memory = place.memory
                if memory.space == "workspace":
                    first = spans[memory.number].first if memory.number in spans else position
                    spans[memory.number] = Interval(first, position, memory.elements)
        offsets, size = plan(spans)
        return Program(self._calls, size, offsets, self._weights, outputs, flops)
