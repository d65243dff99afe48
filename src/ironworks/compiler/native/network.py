"""A graph as operations: each node read by itself, then element-wise nodes joined to what feeds them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import onnx
from onnx import numpy_helper

from ironworks.compiler.backends.candidate import BackendSkipped
from ironworks.compiler.native.array_readers import ARRAY_READERS
from ironworks.compiler.native.image_readers import IMAGE_READERS
from ironworks.compiler.native.nodes import Graph, label
from ironworks.compiler.native.operations import Operation, Step

_MONOTONE = ("clip", "tanh", "sigmoid", "exp")
"""Steps that keep the order of numbers."""
_JOINABLE = ("dense", "convolution", "max_pool", "average_pool", "elementwise", "product")
_INTEGERS: dict[int, str] = {onnx.TensorProto.INT64: "int64", onnx.TensorProto.INT32: "int32"}
_IMAGE_RANKS = (2, 4)


class Network(Graph):
    """The operations of a graph in order, and the shape of each tensor.

    Attributes:
        dtypes: of the inputs that are whole numbers, and of what is only another view of these.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        graph = model.graph
        self.constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        self.shapes: dict[str, tuple[int, ...]] = {
            name: array.shape for name, array in self.constants.items()
        }
        self.dtypes: dict[str, str] = {}
        for value in [*graph.value_info, *graph.input, *graph.output]:
            self._describe(value)
        self.inputs = [value.name for value in graph.input if value.name not in self.constants]
        self.outputs = [value.name for value in graph.output]
        given = [name for name in self.outputs if name in self.dtypes]
        if given:
            raise BackendSkipped(f"the output {given[0]} is whole numbers, for which it has no code")
        self._arrays = {name for name in self.inputs if len(self.shapes[name]) not in _IMAGE_RANKS}
        self.operations = [operation for node in graph.node for operation in self._read(node)]
        self._join()
        self._delay_steps()

    def _describe(self, value: onnx.ValueInfoProto) -> None:
        kind = value.type.tensor_type
        self.shapes[value.name] = tuple(item.dim_value for item in kind.shape.dim)
        if value.name in self.constants or kind.elem_type == onnx.TensorProto.FLOAT:
            return
        if kind.elem_type not in _INTEGERS:
            raise BackendSkipped(
                f"{value.name} is neither float32 nor whole numbers, for which it has no code"
            )
        self.dtypes[value.name] = _INTEGERS[kind.elem_type]

    def _read(self, node: onnx.NodeProto) -> list[Operation]:
        """The node's operations: on images where it fits, or on arrays if what it reads are arrays.

        Raises:
            BackendSkipped: neither has it.
        """
        choices = self._choices(node)
        if not choices:
            raise BackendSkipped(f"it generates no code for the operator {node.op_type} ({label(node)})")
        names = [name for name in node.output if name]
        if any(0 in self.shapes.get(name, (0,)) for name in names) or not names:
            raise BackendSkipped(f"the outputs of {label(node)} are no tensors of a known shape")
        operations, arrays = self._first_that_fits(node, choices)
        if any(name in self.constants for item in operations for name in item.reads) and not arrays:
            raise BackendSkipped(f"{label(node)} works on constants only")
        whole = [name for name in node.input if name in self.dtypes]
        if whole and not all(_takes_numbers(item, node, whole) for item in operations):
            raise BackendSkipped(
                f"{label(node)} computes with the whole numbers {whole[0]}, for which it has no code"
            )
        if arrays:
            operations = [replace(item, arrays=True) for item in operations]
            self._arrays |= {item.output for item in operations}
        return operations

    def _first_that_fits(
        self, node: onnx.NodeProto, choices: Sequence[tuple[_Reader, bool]]
    ) -> tuple[list[Operation], bool]:
        """Of the reasons why none does, the one that arrays have counts: they are the more general."""
        reasons = {}
        for reader, arrays in choices:
            try:
                return _listed(reader(self, node)), arrays
            except BackendSkipped as reason:
                reasons[arrays] = reason
        raise reasons[max(reasons)]

    def _choices(self, node: onnx.NodeProto) -> list[tuple[_Reader, bool]]:
        if node.domain not in ("", "ai.onnx"):
            return []
        image = IMAGE_READERS.get(node.op_type)
        array = ARRAY_READERS.get(node.op_type)
        given = [name for name in node.input if name and name not in self.constants]
        ranks = [len(self.shapes.get(name, ())) for name in [*given, *node.output]]
        fits = all(1 <= rank <= 4 for rank in ranks) and not any(name in self.dtypes for name in given)
        choices: list[tuple[_Reader, bool]] = []
        if image is not None and fits:
            choices.append((image, False))
        if array is not None:
            first = any(name in self._arrays for name in given)
            choices.insert(0 if first else len(choices), (array, True))
        return choices

    def consumers(self, tensor: str) -> int:
        """How many operations read `tensor`; an output of the graph is read once more by the caller."""
        return sum(tensor in item.reads for item in self.operations) + self.outputs.count(tensor)

    def _join(self) -> None:
        """Join element-wise operations to what feeds them, until there is no more to join."""
        count = -1
        while count != len(self.operations):
            count = len(self.operations)
            self._join_once()

    def _join_once(self) -> None:
        kept: list[Operation] = []
        made: dict[str, int] = dict.fromkeys(self.inputs, -1)
        for operation in self.operations:
            host = self._host(operation, kept, made)
            if host is None:
                made[operation.output] = len(kept)
                kept.append(operation)
                continue
            position = made[host.output]
            _append(host, operation)
            made[operation.output] = position
        self.operations = kept

    def _delay_steps(self) -> None:
        """Take the largest of each window first and the monotone steps of what feeds it after: there are fewer."""
        producers = {operation.output: operation for operation in self.operations}
        for pool in self.operations:
            host = producers.get(pool.inputs[0])
            if pool.kind != "max_pool" or host is None or host.kind not in ("dense", "convolution"):
                continue
            if self.consumers(host.output) == 1 and all(step.kind in _MONOTONE for step in host.steps):
                pool.steps, host.steps = [*host.steps, *_later(pool.steps, len(host.steps))], []

    def _host(self, operation: Operation, kept: list[Operation], made: dict[str, int]) -> Operation | None:
        """The operation that can take the steps of `operation`: the latest of those that feed it."""
        if operation.kind != "elementwise":
            return None
        feeding = [operation.inputs[0]]
        if len(operation.steps) == 1 and operation.steps[0].kind in ("add", "mul", "max", "min"):
            feeding += [operation.steps[0].operand] * bool(operation.steps[0].operand)
        feeding = [name for name in feeding if name not in self.constants]
        feeding.sort(key=lambda name: made.get(name, -1), reverse=True)
        for name in feeding:
            host = kept[made[name]] if made.get(name, -1) >= 0 else None
            if (
                host is not None
                and host.kind in _JOINABLE
                and host.arrays == operation.arrays
                and host.output == name
                and self.consumers(name) == 1
                and self.shapes[name] == self.shapes[operation.output]
                and all(
                    made.get(other, -1) < made[name]
                    for other in operation.reads
                    if other not in (name, host.inputs[0])
                )
            ):
                return host
        return None


_Reader = Callable[[Graph, onnx.NodeProto], "Operation | list[Operation]"]
_T = TypeVar("_T")


def _listed(items: _T | list[_T]) -> list[_T]:
    return items if isinstance(items, list) else [items]


def _later(steps: Sequence[Step], begun: int) -> list[Step]:
    """The steps after `begun` others: what they had at some place they have that much later."""
    return [replace(step, earlier=step.earlier + begun) if step.earlier >= 0 else step for step in steps]


def _takes_numbers(operation: Operation, node: onnx.NodeProto, whole: Sequence[str]) -> bool:
    """Whether an operation may have those of its inputs that are whole numbers."""
    if operation.kind == "gather":
        return operation.inputs[0] not in whole
    return node.op_type == "Cast" or operation.kind in ("reshape", "transpose", "slice", "expand")


def _append(host: Operation, operation: Operation) -> None:
    """The steps of `operation` after those of `host`, which feeds it."""
    steps = operation.steps
    if operation.inputs[0] != host.output:  # a sum with the host as its second summand
        steps = [Step(steps[0].kind, operation.inputs[0]), *steps[1:]]
    begun = len(host.steps)
    for step in _later(steps, begun):
        if step.operand == host.output:
            step = replace(step, operand="", earlier=begun)
        elif host.kind == "elementwise" and step.operand == host.inputs[0] and step.operand:
            step = replace(step, operand="", earlier=0)
        host.steps.append(step)
    host.output = operation.output
