"""From operations to a program: chooses layouts and kernels, and puts them in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import prod

import numpy as np
import onnx

from ironworks.compiler.backends.candidate import BackendSkipped
from ironworks.compiler.native.filtering import call_winograd, tile_size
from ironworks.compiler.native.fusion import Network
from ironworks.compiler.native.kernels import convolution as conv
from ironworks.compiler.native.kernels import dense as matrix
from ironworks.compiler.native.kernels.convolution import Convolution, Window
from ironworks.compiler.native.kernels.dense import Dense
from ironworks.compiler.native.kernels.elementwise import elementwise_kernel
from ironworks.compiler.native.kernels.epilogue import Epilogue
from ironworks.compiler.native.kernels.pooling import Pooling, pooling_kernel
from ironworks.compiler.native.kernels.softmax import softmax_kernel
from ironworks.compiler.native.kernels.transfer import border_kernel, pack_kernel, place_kernel, unpack_kernel
from ironworks.compiler.native.layout import Halo, Layout, dense, layout_of
from ironworks.compiler.native.operations import Operation
from ironworks.compiler.native.program import Memory, Place, Program, ProgramBuilder

_PARALLEL_FLOPS = 1.5e6
"""Of an operation that is worth the time in which the other threads wake up."""
_WORTH_SKIPPING = 1 << 15
"""Weights of a layer whose zero inputs are worth looking for."""


@dataclass(frozen=True)
class Machine:
    """What a kernel is made for: float32 `lanes` of a vector, and how many vectors fit the registers."""

    lanes: int
    registers: int


@dataclass(frozen=True)
class Tensor:
    """Where a tensor is and how it lies; `flat` if it is seen as rows of all its pixels' channels."""

    layout: Layout
    memory: Memory
    flat: bool = False

    @property
    def place(self) -> Place:
        """Its first element that is not halo."""
        return Place(self.memory, self.layout.origin)


def lower(model: onnx.ModelProto, machine: Machine) -> Program:
    """The program for `model`, whose shapes are all known.

    Raises:
        BackendSkipped: it has something that no kernel does; the message has the operator and the node.
    """
    return _Lowering(Network(model), machine).program()


class _Lowering:
    def __init__(self, network: Network, machine: Machine) -> None:
        self._network = network
        self._lanes = machine.lanes
        self._registers = machine.registers
        self._builder = ProgramBuilder()
        self._tensors: dict[str, Tensor] = {}
        self._halos = _needed_halos(network)
        self._flops = 0.0

    def program(self) -> Program:
        """All calls, in order."""
        network, images = self._network, self._section()
        if images:
            self._image_by_image(images)
        else:
            for number, name in enumerate(network.inputs):
                self._input(number, name)
        for operation in network.operations[images:]:
            _LOWER[operation.kind](self, operation)
        for number, name in enumerate(network.outputs):
            self._output(number, name)
        elements = [prod(network.shapes[name]) for name in network.outputs]
        return self._builder.finish(elements, self._flops)

    def _section(self) -> int:
        """How many of the first operations work on each image of a batch by itself, if one tensor leaves them.

        Done image by image, what they pass on stays in the cache.
        """
        network = self._network
        sizes = {network.shapes[name][0] for name in network.inputs}
        if len(network.inputs) != 1 or sizes == {1}:
            return 0
        kinds = [operation.kind for operation in network.operations]
        count = next((n for n, kind in enumerate(kinds) if kind in ("dense", "softmax")), len(kinds))
        inside = {operation.output for operation in network.operations[:count]} | set(network.inputs)
        read = {name for operation in network.operations[count:] for name in operation.reads}
        leaving = inside & (read | set(network.outputs))
        return count if "convolution" in kinds[:count] and len(leaving) == 1 else 0

    def _image_by_image(self, count: int) -> None:
        """The first `count` operations for one image, and these calls again for each of the others."""
        network, shapes = self._network, dict(self._network.shapes)
        leaving = network.operations[count - 1].output
        images = shapes[leaving][0]
        network.shapes.update({name: (1, *shape[1:]) for name, shape in shapes.items() if shape[0] == images})
        start = self._builder.mark()
        self._input(0, network.inputs[0])
        for operation in network.operations[:count]:
            _LOWER[operation.kind](self, operation)
        one = self._tensors[leaving]
        network.shapes.update(shapes)
        whole = self._builder.tensor(images * one.layout.image)
        strides = {
            Memory("input", 0, prod(shapes[network.inputs[0]][1:])): prod(shapes[network.inputs[0]][1:])
        }
        self._builder.repeat(start, images, one.memory, whole, {**strides, whole: one.layout.image})
        self._tensors = {leaving: replace(one, layout=replace(one.layout, images=images), memory=whole)}
        self._flops *= images

    def _input(self, number: int, name: str) -> None:
        layout = self._layout(name)
        given = Memory("input", number, prod(self._network.shapes[name]))
        plain = dense(layout)
        if (layout.pixels == 1 or layout.channels == 1) and layout.halo == plain.halo:
            readers = [item for item in self._network.operations if name in item.reads]
            if (
                all(item.kind in ("dense", "convolution", "flatten") for item in readers)
                and not any(step.operand == name for item in readers for step in item.steps)
                and name not in self._network.outputs
            ):
                self._tensors[name] = Tensor(plain, given)
                return
        # Only convolutions and dense layers read channels one by one: for them images need no padding.
        if layout.channels < self._lanes and self._only_direct(name):
            layout = replace(layout, stored=layout.channels)
        tensor = self._new(name, layout)
        self._builder.call(pack_kernel(layout, self._lanes), Place(given), tensor.place)

    def _only_direct(self, name: str) -> bool:
        readers = [item for item in self._network.operations if name in item.reads]
        return name not in self._network.outputs and all(
            item.kind == "convolution"
            and item.attributes.get("group", 1) == 1
            and not any(step.operand == name for step in item.steps)
            for item in readers
        )

    def _output(self, number: int, name: str) -> None:
        tensor = self._tensors[name]
        layout = tensor.layout
        memory = Memory("output", number, prod(self._network.shapes[name]))
        self._builder.call(unpack_kernel(layout, self._lanes), tensor.place, Place(memory))

    def _layout(self, name: str) -> Layout:
        return layout_of(self._network.shapes[name], self._lanes, self._halos.get(name, (0, 0, 0, 0)))

    def _new(self, name: str, layout: Layout) -> Tensor:
        tensor = Tensor(layout, self._builder.tensor(layout.elements))
        self._tensors[name] = tensor
        if any(layout.halo):
            self._builder.call(border_kernel(layout, self._lanes), Place(tensor.memory))
        return tensor

    def _result(self, operation: Operation) -> Tensor:
        return self._new(operation.output, self._layout(operation.output))

    def _source(self, name: str) -> Tensor:
        """A tensor as its shape says, which a flattened image is not until it is copied."""
        tensor = self._tensors[name]
        if not tensor.flat:
            return tensor
        layout = self._layout(name)
        rows = Tensor(layout, self._builder.tensor(layout.elements))
        kernel = unpack_kernel(tensor.layout, self._lanes, layout.stored)
        self._builder.call(kernel, tensor.place, rows.place)
        self._tensors[name] = rows
        return rows

    def _epilogue(self, operation: Operation) -> tuple[Epilogue, list[Place]]:
        layouts: list[Layout | None] = []
        places = []
        channels = self._layout(operation.output).stored
        for step in operation.steps:
            if step.operand:
                tensor = self._source(step.operand)
                layouts.append(tensor.layout)
                places.append(tensor.place)
            elif step.constant is not None and step.constant.size > 1:
                padded = np.ones(channels, np.float32)
                padded[: step.constant.size] = step.constant
                layouts.append(Layout(1, step.constant.size, 1, 1, channels))
                places.append(Place(self._builder.weight(padded)))
            else:
                layouts.append(None)
        return Epilogue(operation.steps, layouts), places

    def dense(self, operation: Operation) -> None:
        """A product with a constant matrix; a flattened image is read as it lies."""
        assert operation.weight is not None and operation.bias is not None
        tensor, weight = self._tensors[operation.inputs[0]], operation.weight
        source = tensor.layout
        if tensor.flat:
            features = weight.reshape(source.channels, source.pixels, -1).transpose(1, 0, 2)
            weight = features.reshape(weight.shape)
        if source.stored == source.channels and not any(source.halo):
            source = layout_of((source.images, len(weight)), 1)
        epilogue, operands = self._epilogue(operation)
        result = self._result(operation)
        rows, flops = source.images, 2.0 * source.images * weight.size
        # Skipping zeros is exact for finite weights; it is for one row of the caller's own numbers.
        skip_zeros = (
            tensor.memory.space == "input"
            and source.images == 1
            and weight.size >= _WORTH_SKIPPING
            and bool(np.isfinite(weight).all())
        )
        described = Dense(
            rows=rows,
            inputs=weight.shape[0],
            outputs=weight.shape[1],
            source=source,
            result=result.layout,
            epilogue=epilogue,
            lanes=self._lanes,
            block=matrix.choose_block(rows, weight.shape[1], self._lanes, self._registers),
            skip_zeros=skip_zeros,
            parallel=flops > _PARALLEL_FLOPS and not skip_zeros,
        )
        self._flops += flops
        self._builder.call(
            matrix.dense_kernel(described),
            tensor.place,
            Place(self._builder.weight(matrix.pack_weights(described, weight))),
            Place(self._builder.weight(matrix.pack_bias(described, operation.bias))),
            result.place,
            *operands,
        )

    def convolution(self, operation: Operation) -> None:
        """Direct, depthwise or by Winograd's tiles."""
        assert operation.weight is not None and operation.bias is not None
        weight, groups = operation.weight, operation.attributes.get("group", 1)
        tensor = self._source(operation.inputs[0])
        channels = tensor.layout.channels
        depthwise = groups > 1 and groups == channels == len(weight)
        if groups > 1 and not depthwise:
            raise BackendSkipped(f"{operation.name} has {groups} groups of more than one channel")
        epilogue, operands = self._epilogue(operation)
        result = self._result(operation)
        flops = 2.0 * weight.size * result.layout.images * result.layout.pixels
        described = Convolution(
            tensor.layout,
            result.layout,
            _window(operation),
            depthwise,
            epilogue,
            self._lanes,
            self._registers,
            parallel=flops > _PARALLEL_FLOPS,
        )
        self._flops += flops
        padded = np.pad(operation.bias, (0, result.layout.stored - len(operation.bias)))
        bias = Place(self._builder.weight(padded))
        size = tile_size(described)
        if size:
            places = (tensor.place, result.place, operands)
            call_winograd(self._builder, described, size, weight, bias, places)
            return
        packed = Place(self._builder.weight(conv.pack_weights(described, weight)))
        kernel = conv.convolution_kernel(described)
        self._builder.call(kernel, tensor.place, packed, bias, result.place, *operands)

    def pool(self, operation: Operation) -> None:
        """Largest or mean of windows."""
        tensor = self._source(operation.inputs[0])
        epilogue, operands = self._epilogue(operation)
        result = self._result(operation)
        pads = operation.attributes.get("pads", [0, 0, 0, 0])
        described = Pooling(
            tensor.layout,
            result.layout,
            _window(operation),
            bottom=pads[2],
            right=pads[3],
            largest=operation.kind == "max_pool",
            count_padding=bool(operation.attributes.get("count_include_pad", 0)),
            epilogue=epilogue,
            lanes=self._lanes,
        )
        self._builder.call(pooling_kernel(described), tensor.place, result.place, *operands)

    def elementwise(self, operation: Operation) -> None:
        """A chain of steps that has no operation to join."""
        tensor = self._source(operation.inputs[0])
        epilogue, operands = self._epilogue(operation)
        result = self._result(operation)
        kernel = elementwise_kernel(tensor.layout, result.layout, epilogue, self._lanes)
        self._builder.call(kernel, tensor.place, result.place, *operands)

    def softmax(self, operation: Operation) -> None:
        """Over the features of each row."""
        tensor, result = self._source(operation.inputs[0]), self._result(operation)
        kernel = softmax_kernel(tensor.layout, result.layout, self._lanes)
        self._builder.call(kernel, tensor.place, result.place)

    def concat(self, operation: Operation) -> None:
        """Each input into its channels."""
        sources = [self._source(name) for name in operation.inputs]
        result, channel = self._result(operation), 0
        for tensor in sources:
            kernel = place_kernel(tensor.layout, result.layout, self._lanes)
            target = Place(result.memory, result.layout.origin + channel)
            self._builder.call(kernel, tensor.place, target)
            channel += tensor.layout.channels

    def flatten(self, operation: Operation) -> None:
        """No copy: the next layer reads the image as it lies."""
        tensor = self._tensors[operation.inputs[0]]
        several = tensor.layout.pixels > 1
        self._tensors[operation.output] = replace(tensor, flat=tensor.flat or several)


_LOWER: Mapping[str, Callable[[_Lowering, Operation], None]] = {
    "dense": _Lowering.dense,
    "convolution": _Lowering.convolution,
    "max_pool": _Lowering.pool,
    "average_pool": _Lowering.pool,
    "elementwise": _Lowering.elementwise,
    "softmax": _Lowering.softmax,
    "concat": _Lowering.concat,
    "flatten": _Lowering.flatten,
}


def _window(operation: Operation) -> Window:
    attributes = operation.attributes
    height, width = attributes["kernel_shape"] if operation.weight is None else operation.weight.shape[2:]
    stride_y, stride_x = attributes.get("strides", (1, 1))
    top, left = attributes.get("pads", (0, 0, 0, 0))[:2]
    step_y, step_x = attributes.get("dilations", (1, 1))
    return Window(height, width, stride_y, stride_x, top, left, step_y, step_x)


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
