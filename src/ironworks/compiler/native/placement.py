"""Where each tensor is while a program is made: as an image or as an array, and from one to the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from ironworks.compiler.backends.candidate import BackendSkipped
from ironworks.compiler.native.decisions import Decisions
from ironworks.compiler.native.kernels.epilogue import Epilogue
from ironworks.compiler.native.kernels.mapping import mapping_kernel
from ironworks.compiler.native.kernels.transfer import border_kernel, pack_kernel, unpack_kernel
from ironworks.compiler.native.layout import Halo, Layout, dense, layout_of
from ironworks.compiler.native.network import Network
from ironworks.compiler.native.operations import Array, Operation
from ironworks.compiler.native.program import Memory, Place, ProgramBuilder
from ironworks.compiler.native.view import View, dense_view, view_of

PARALLEL_FLOPS = 6e6
"""Of an operation, or of a section, that is worth the time in which the other threads wake up."""


@dataclass(frozen=True)
class Machine:
    """What a kernel is made for: float32 `lanes` of a vector, and how many vectors fit the registers."""

    lanes: int
    registers: int


@dataclass(frozen=True)
class ImageTensor:
    """Where an image is and how it lies; `flat` if it is seen as rows of all its pixels' channels."""

    layout: Layout
    memory: Memory
    flat: bool = False

    @property
    def place(self) -> Place:
        """Its first element that is not halo."""
        return Place(self.memory, self.layout.origin)


@dataclass(frozen=True)
class ArrayTensor:
    """Where an array is and how it lies."""

    view: View
    memory: Memory

    @property
    def dtype(self) -> str:
        """Of its elements: another than float32 in inputs only."""
        return self.memory.dtype

    @property
    def place(self) -> Place:
        """Its first element."""
        return Place(self.memory, self.view.offset)


class Placement:
    """The tensors that there are so far, the calls that make them, and the flops of these."""

    def __init__(self, network: Network, machine: Machine, decisions: Decisions) -> None:
        self.network = network
        self.decisions = decisions
        self.lanes = machine.lanes
        self.registers = machine.registers
        self.builder = ProgramBuilder()
        self.tensors: dict[str, ImageTensor | ArrayTensor] = {}
        self.flops = 0.0
        self._halos = _needed_halos(network)

    def take_input(self, number: int, name: str) -> None:
        """Input `number` of the model, as the operations that read it want it."""
        dtype = self.network.dtypes.get(name, "float32")
        given = Memory("input", number, prod(self.network.shapes[name]), dtype)
        readers = self._readers(name)
        if all(item.arrays for item in readers) or not readers:
            self.tensors[name] = ArrayTensor(dense_view(self.network.shapes[name]), given)
            return
        layout = self._layout(name)
        if self._lies_well(name, layout, readers):
            self.tensors[name] = ImageTensor(dense(layout), given)
            return
        # Only convolutions and dense layers read channels one by one: for them images need no padding.
        if layout.channels < self.lanes and self._only_direct(name, readers):
            layout = replace(layout, stored=layout.channels)
        tensor = self._new_image(name, layout)
        self.builder.call(pack_kernel(layout, self.lanes), Place(given), tensor.place)

    def _lies_well(self, name: str, layout: Layout, readers: Sequence[Operation]) -> bool:
        """Whether its readers can read an input in the caller's memory."""
        one = layout.pixels == 1 or layout.channels == 1
        return one and layout.halo == (0, 0, 0, 0) and self._read_one_by_one(name, readers)

    def _read_one_by_one(self, name: str, readers: Sequence[Operation]) -> bool:
        """Whether no reader reads vectors of it, which need padding."""
        if name in self.network.outputs or any(
            step.operand == name for item in readers for step in item.steps
        ):
            return False
        return all(
            item.kind == "dense"
            or (item.kind == "convolution" and item.attributes.get("group", 1) == 1)
            or (item.kind == "flatten" and self._read_one_by_one(item.output, self._readers(item.output)))
            for item in readers
        )

    def _readers(self, name: str) -> list[Operation]:
        return [item for item in self.network.operations if name in item.reads]

    def _only_direct(self, name: str, readers: Sequence[Operation]) -> bool:
        return name not in self.network.outputs and all(
            item.kind == "convolution"
            and item.attributes.get("group", 1) == 1
            and not any(step.operand == name for step in item.steps)
            for item in readers
        )

    def give_output(self, number: int, name: str) -> None:
        """Write output `number` of the model, unless it has been written where it belongs."""
        tensor = self.tensors[name]
        shape = self.network.shapes[name]
        memory = Memory("output", number, prod(shape))
        if isinstance(tensor, ImageTensor):
            self.builder.call(unpack_kernel(tensor.layout, self.lanes), tensor.place, Place(memory))
        elif tensor.memory != memory or not tensor.view.dense:
            self.copy(tensor, ArrayTensor(dense_view(shape), memory))

    def image(self, name: str) -> ImageTensor:
        """A tensor as an image: a flattened one, and an array, are copied."""
        tensor = self.tensors[name]
        if isinstance(tensor, ImageTensor) and not tensor.flat:
            return tensor
        layout = self._layout(name)
        if isinstance(tensor, ArrayTensor):
            made = self._new_image(name, layout)
            view = view_of(layout, self.network.shapes[name])
            self.copy(tensor, ArrayTensor(replace(view, offset=layout.origin), made.memory))
            return made
        rows = ImageTensor(layout, self.builder.tensor(layout.elements))
        kernel = unpack_kernel(tensor.layout, self.lanes, layout.stored)
        self.builder.call(kernel, tensor.place, rows.place)
        self.tensors[name] = rows
        return rows

    def rows(self, name: str) -> ImageTensor:
        """A tensor as an image, or as a flattened one."""
        tensor = self.tensors[name]
        return tensor if isinstance(tensor, ImageTensor) else self.image(name)

    def array(self, name: str) -> ArrayTensor:
        """A tensor as an array, without a copy; a constant too."""
        network = self.network
        if name in network.constants:
            return self.constant(network.constants[name])
        tensor = self.tensors[name]
        if isinstance(tensor, ImageTensor):
            tensor = self.image(name)
            view = view_of(tensor.layout, network.shapes[name])
            return ArrayTensor(replace(view, offset=tensor.layout.origin), tensor.memory)
        return tensor

    def constant(self, array: Array) -> ArrayTensor:
        """Float32 numbers among the weights."""
        return ArrayTensor(dense_view(array.shape), self.builder.weight(array))

    def with_rows(self, tensor: ArrayTensor) -> ArrayTensor:
        """The same elements, with those of the last dimension next to each other."""
        return tensor if tensor.view.row == 1 else self._copied(tensor)

    def dense(self, tensor: ArrayTensor) -> ArrayTensor:
        """The same elements in order, without gaps."""
        return tensor if tensor.view.dense else self._copied(tensor)

    def _copied(self, tensor: ArrayTensor) -> ArrayTensor:
        made = self.new_array(tensor.view.shape)
        self.copy(tensor, made)
        return made

    def copy(self, source: ArrayTensor, target: ArrayTensor) -> None:
        """Copy the elements.

        Raises:
            BackendSkipped: they are whole numbers, which are only read where they are given.
        """
        if source.dtype != "float32":
            raise BackendSkipped(
                "it reads whole numbers where they are given, and the model moves them about"
            )
        views = source.view.from_first, target.view.from_first
        self.builder.call(mapping_kernel(*views, Epilogue(), self.lanes), source.place, target.place)

    def new_array(self, shape: Sequence[int]) -> ArrayTensor:
        """Memory for an array."""
        return ArrayTensor(dense_view(shape), self.builder.tensor(prod(shape)))

    def array_result(self, operation: Operation, *, any_order: bool = False) -> ArrayTensor:
        """Where an operation writes its array: into the caller's, if that is where it belongs.

        One that can write in `any_order` writes in that of a transposition that follows; others get a dense view.
        """
        name = operation.output
        shape = self.network.shapes[name]
        tensor = self._in_order_of_reader(name) if any_order else self.new_array(shape)
        if name in self.network.outputs:
            number = self.network.outputs.index(name)
            tensor = ArrayTensor(dense_view(shape), Memory("output", number, prod(shape)))
        self.tensors[name] = tensor
        return tensor

    def _in_order_of_reader(self, name: str) -> ArrayTensor:
        """Memory for an array, in the order that a transposition by its only reader gives it, if rows stay rows."""
        shape = self.network.shapes[name]
        readers = self._readers(name)
        axes = readers[0].attributes["axes"] if [item.kind for item in readers] == ["transpose"] else []
        if list(axes)[-1:] != [len(shape) - 1]:
            return self.new_array(shape)
        moved = self.new_array([shape[axis] for axis in axes])
        back = [list(axes).index(axis) for axis in range(len(axes))]
        return replace(moved, view=moved.view.permuted(back))

    def image_result(self, operation: Operation) -> ImageTensor:
        """Where an operation writes its image."""
        return self._new_image(operation.output, self._layout(operation.output))

    def image_epilogue(self, operation: Operation) -> tuple[Epilogue[Layout], list[Place]]:
        """The steps of an operation on images, and where their operands are."""
        layouts: list[Layout | None] = []
        places = []
        channels = self._layout(operation.output).stored
        for step in operation.steps:
            if step.operand:
                tensor = self.image(step.operand)
                layouts.append(tensor.layout)
                places.append(tensor.place)
            elif step.constant is not None and step.constant.size > 1:
                padded = np.ones(channels, np.float32)
                padded[: step.constant.size] = step.constant
                layouts.append(Layout(1, step.constant.size, 1, 1, channels))
                places.append(Place(self.builder.weight(padded)))
            else:
                layouts.append(None)
        return Epilogue(operation.steps, layouts), places

    def array_epilogue(self, operation: Operation) -> tuple[Epilogue[View], list[Place]]:
        """The steps of an operation on arrays, with operands whose last dimension can be read in vectors."""
        shape = self.network.shapes[operation.output]
        views: list[View | None] = []
        places = []
        for step in operation.steps:
            if step.operand:
                operand = self.array(step.operand)
            elif step.constant is not None and step.constant.size > 1:
                operand = self.constant(step.constant)
            else:
                views.append(None)
                continue
            operand = self.with_rows(operand)
            views.append(operand.view.broadcast(shape).from_first)
            places.append(operand.place)
        return Epilogue(operation.steps, views), places

    def _layout(self, name: str) -> Layout:
        return layout_of(self.network.shapes[name], self.lanes, self._halos.get(name, (0, 0, 0, 0)))

    def _new_image(self, name: str, layout: Layout) -> ImageTensor:
        tensor = ImageTensor(layout, self.builder.tensor(layout.elements))
        self.tensors[name] = tensor
        if any(layout.halo):
            self.builder.call(border_kernel(layout, self.lanes), Place(tensor.memory))
        return tensor


def _needed_halos(network: Network) -> dict[str, Halo]:
    """Pixels of zeros that convolutions read around each tensor."""
    halos: dict[str, Halo] = {}
    for operation in network.operations:
        if operation.kind == "convolution":
            name = operation.inputs[0]
            top, left, bottom, right = operation.attributes.get("pads", (0, 0, 0, 0))
            old = halos.get(name, (0, 0, 0, 0))
            halos[name] = (max(old[0], top), max(old[1], left), max(old[2], bottom), max(old[3], right))
    return halos
