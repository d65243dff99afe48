"""A compiled network: kernels, the order in which they are called, and the memory that they work on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ironworks.compiler.native import ir
from ironworks.compiler.native.arena import Interval, plan
from ironworks.compiler.native.interpreter import interpret

Array = NDArray[Any]
Space = Literal["workspace", "slot", "weights", "input", "output"]


@dataclass(frozen=True)
class Memory:
    """A stretch of memory: an input or output (by `number`), weights, or a tensor of the workspace.

    A tensor in a `slot` is needed within one pass of a section only, and each thread has a slot of its own. `dtype`
    is another than float32 in inputs only.
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
class Section:
    """Calls that are made `times` times.

    With each time the places in a memory of `strides` move on by so many elements. Where it is `parallel`, threads
    share the times among them; the kernels themselves then use one thread.
    """

    calls: Sequence[Call]
    times: int
    strides: Mapping[Memory, int]
    parallel: bool

    def arguments(self, call: Call, time: int) -> list[Place]:
        """Where the arguments of `call` point the `time`th time, from 0."""
        return [
            Place(place.memory, place.offset + time * self.strides.get(place.memory, 0))
            for place in call.arguments
        ]


@dataclass(frozen=True)
class Program:
    """What one run does.

    Attributes:
        workspace: elements of float32 that a run needs.
        slot: elements that each of its threads needs besides.
        offsets: where each tensor of the workspace, or of a slot, begins, by its number.
        weights: by their number, each float32.
    """

    steps: Sequence[Call | Section]
    workspace: int
    slot: int
    offsets: Mapping[int, int]
    weights: Sequence[Array]
    outputs: Sequence[int]
    flops: float

    @property
    def kernels(self) -> list[ir.Kernel]:
        """Each that is called, once."""
        return list(dict.fromkeys(call.kernel for call in self.calls))

    @property
    def calls(self) -> list[Call]:
        """Those of the steps, and once each of the sections."""
        return [call for step in self.steps for call in (step.calls if isinstance(step, Section) else [step])]

    @property
    def parallel(self) -> bool:
        """Whether more than one thread helps."""
        sections = any(isinstance(step, Section) and step.parallel for step in self.steps)
        return sections or any(kernel.parallel for kernel in self.kernels)

    def interpret(self, inputs: Sequence[Array]) -> list[Array]:
        """Run with the interpreter: flat float32 arrays in and out."""
        outputs = [np.zeros(elements, np.float32) for elements in self.outputs]
        flat = [np.ascontiguousarray(array, np.float32).ravel() for array in inputs]
        spaces: dict[str, Sequence[Array]] = {"weights": self.weights, "input": flat, "output": outputs}
        spaces["workspace"] = [np.full(self.workspace, np.nan, np.float32)]
        for step in self.steps:
            if isinstance(step, Call):
                self._interpret(step.kernel, step.arguments, spaces)
                continue
            for time in range(step.times):
                spaces["slot"] = [np.full(self.slot, np.nan, np.float32)]
                for call in step.calls:
                    self._interpret(call.kernel, step.arguments(call, time), spaces)
        return outputs

    def _interpret(
        self, kernel: ir.Kernel, arguments: Sequence[Place], spaces: Mapping[str, Sequence[Array]]
    ) -> None:
        arrays = {}
        for parameter, place in zip(kernel.parameters, arguments, strict=True):
            memory = place.memory
            if memory.space in ("workspace", "slot"):
                start = self.offsets[memory.number]
                array = spaces[memory.space][0][start : start + memory.elements]
            else:
                array = spaces[memory.space][memory.number]
            arrays[parameter.name] = array, place.offset
        interpret(kernel, arrays)


class ProgramBuilder:
    """Collects calls; knows which memory is needed when."""

    def __init__(self) -> None:
        self._steps: list[Call | Section] = []
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
        self._steps.append(Call(kernel, arguments))

    def repeat(
        self, times: int, result: Memory, whole: Memory, strides: Mapping[Memory, int], parallel: bool
    ) -> None:
        """Make a section of all calls so far, with `whole` in place of `result`, the one tensor that leaves it."""

        def moved(place: Place) -> Place:
            if place.memory == result:
                return Place(whole, place.offset)
            if place.memory.space == "workspace":
                return replace(place, memory=replace(place.memory, space="slot"))
            return place

        calls = [
            Call(call.kernel, tuple(map(moved, call.arguments)))
            for call in self._steps
            if isinstance(call, Call)
        ]
        self._steps = [Section(calls, times, strides, parallel)]

    def finish(self, outputs: Sequence[int], flops: float) -> Program:
        """The program, with a plan of its workspace; `outputs` has the elements of each output."""
        offsets, size = plan(
            _spans("workspace", [step.calls if isinstance(step, Section) else [step] for step in self._steps])
        )
        slot = 0
        for step in self._steps:
            if isinstance(step, Section):
                inside, slot = plan(_spans("slot", [[call] for call in step.calls]))
                offsets |= inside
        return Program(self._steps, size, slot, offsets, self._weights, outputs, flops)


def _spans(space: Space, steps: Sequence[Sequence[Call]]) -> dict[int, Interval]:
    """During which of the steps each tensor of the workspace, or of a slot, is needed."""
    spans: dict[int, Interval] = {}
    for position, calls in enumerate(steps):
        for memory in (place.memory for call in calls for place in call.arguments):
            if memory.space == space:
                first = spans[memory.number].first if memory.number in spans else position
                spans[memory.number] = Interval(first, position, memory.elements)
    return spans
