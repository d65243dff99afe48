"""From operations to a program: where tensors lie, which kernels work on them, in which order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import prod

import onnx

from ironworks.compiler.native.array_lowering import ARRAY_OPERATIONS
from ironworks.compiler.native.decisions import Decisions
from ironworks.compiler.native.image_lowering import IMAGE_OPERATIONS
from ironworks.compiler.native.network import Network
from ironworks.compiler.native.operations import Operation
from ironworks.compiler.native.placement import PARALLEL_FLOPS, ImageTensor, Machine, Placement
from ironworks.compiler.native.program import Memory, Program

__all__ = ["Machine", "lower"]

_LOWER: Mapping[bool, Mapping[str, Callable[[Placement, Operation], None]]] = {
    False: IMAGE_OPERATIONS,
    True: ARRAY_OPERATIONS,
}


def lower(model: onnx.ModelProto, machine: Machine, decisions: Decisions | None = None) -> Program:
    """The program for `model`, whose shapes are all known; `decisions` say how layers are computed.

    Raises:
        BackendSkipped: it has something that no kernel does; the message has the operator and the node.
    """
    network = Network(model)
    placement = Placement(network, machine, decisions or Decisions())
    images, leaving = _section(network)
    if images:
        _image_by_image(placement, images, leaving)
    else:
        for number, name in enumerate(network.inputs):
            placement.take_input(number, name)
    for operation in network.operations[images:]:
        _call(placement, operation)
    for number, name in enumerate(network.outputs):
        placement.give_output(number, name)
    elements = [prod(network.shapes[name]) for name in network.outputs]
    return placement.builder.finish(elements, placement.flops)


def _call(placement: Placement, operation: Operation) -> None:
    _LOWER[operation.arrays][operation.kind](placement, operation)


def _section(network: Network) -> tuple[int, str]:
    """How many of the first operations work on each image of a batch by itself, and the one tensor that leaves them.

    Done image by image, what they pass on stays in the cache.
    """
    sizes = {network.shapes[name][:1] for name in network.inputs}
    if len(network.inputs) != 1 or sizes <= {(), (1,)}:
        return 0, ""
    ends = (
        n for n, operation in enumerate(network.operations) if operation.arrays or operation.kind == "dense"
    )
    count = next(ends, len(network.operations))
    first = network.operations[:count]
    inside = {operation.output for operation in first} | set(network.inputs)
    read = {name for operation in network.operations[count:] for name in operation.reads}
    leaving = inside & (read | set(network.outputs))
    one = len(leaving) == 1 and any(item.kind == "convolution" for item in first)
    return (count, leaving.pop()) if one else (0, "")


def _image_by_image(placement: Placement, count: int, leaving: str) -> None:
    """The first `count` operations for one image, and these calls again for each of the others."""
    network, builder, shapes = placement.network, placement.builder, dict(placement.network.shapes)
    images = shapes[leaving][0]
    network.shapes.update({name: (1, *shape[1:]) for name, shape in shapes.items() if shape[:1] == (images,)})
    placement.take_input(0, network.inputs[0])
    for operation in network.operations[:count]:
        _call(placement, operation)
    one = placement.tensors[leaving]
    assert isinstance(one, ImageTensor)
    network.shapes.update(shapes)
    whole = builder.tensor(images * one.layout.image)
    given = prod(shapes[network.inputs[0]][1:])
    strides = {Memory("input", 0, given): given, whole: one.layout.image}
    placement.flops *= images
    builder.repeat(images, one.memory, whole, strides, placement.flops > PARALLEL_FLOPS)
    placement.tensors = {leaving: replace(one, layout=replace(one.layout, images=images), memory=whole)}
