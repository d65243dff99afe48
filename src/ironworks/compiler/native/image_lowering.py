"""Operations on images, and on rows as images of one pixel: layouts and kernels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ironworks.compiler.native.decisions import Way
from ironworks.compiler.native.filtering import call_winograd
from ironworks.compiler.native.kernels import convolution as conv
from ironworks.compiler.native.kernels import dense as matrix
from ironworks.compiler.native.kernels.blocking import Block
from ironworks.compiler.native.kernels.convolution import Convolution, Window
from ironworks.compiler.native.kernels.dense import Dense
from ironworks.compiler.native.kernels.elementwise import elementwise_kernel
from ironworks.compiler.native.kernels.pooling import Pooling, pooling_kernel
from ironworks.compiler.native.kernels.transfer import place_kernel
from ironworks.compiler.native.layout import layout_of
from ironworks.compiler.native.operations import Array, Operation
from ironworks.compiler.native.placement import PARALLEL_FLOPS, Placement
from ironworks.compiler.native.program import Place, ProgramBuilder

_WORTH_SKIPPING = 1 << 15
"""Weights of a layer whose zero inputs are worth looking for."""
_MOST_POSITIONS = 1 << 16
"""Of inputs that are not zero, which are kept on the stack."""


def dense(placement: Placement, operation: Operation) -> None:
    """A product with a constant matrix; a flattened image is read as it lies."""
    assert operation.weight is not None and operation.bias is not None
    tensor, weight = placement.rows(operation.inputs[0]), operation.weight
    source = tensor.layout
    if tensor.flat:
        features = weight.reshape(source.channels, source.pixels, -1).transpose(1, 0, 2)
        weight = features.reshape(weight.shape)
    if source.stored == source.channels and not any(source.halo):
        source = layout_of((source.images, len(weight)), 1)
    epilogue, operands = placement.image_epilogue(operation)
    result = placement.image_result(operation)
    rows, flops = source.images, 2.0 * source.images * weight.size
    # Skipping zeros is exact for finite weights; it is for one row of the caller's own numbers.
    skip_zeros = (
        tensor.memory.space == "input"
        and source.images == 1
        and weight.size >= _WORTH_SKIPPING
        and len(weight) <= _MOST_POSITIONS
        and bool(np.isfinite(weight).all())
    )
    described = Dense(
        rows=rows,
        inputs=weight.shape[0],
        outputs=weight.shape[1],
        source=source,
        result=result.layout,
        epilogue=epilogue,
        lanes=placement.lanes,
        registers=placement.registers,
        block=Block(1, 1),
        skip_zeros=skip_zeros,
        parallel=flops > PARALLEL_FLOPS and not skip_zeros,
    )
    placement.flops += flops
    block = placement.decisions.way(described, flops).block
    assert block is not None
    described = replace(described, block=block)
    placement.builder.call(
        matrix.dense_kernel(described),
        tensor.place,
        Place(placement.builder.weight(matrix.pack_weights(described, weight))),
        Place(placement.builder.weight(matrix.pack_bias(described, operation.bias))),
        result.place,
        *operands,
    )


def convolution(placement: Placement, operation: Operation) -> None:
    """Direct, depthwise, by groups of channels, or by Winograd's tiles."""
    assert operation.weight is not None and operation.bias is not None
    weight, groups = operation.weight, operation.attributes.get("group", 1)
    tensor = placement.image(operation.inputs[0])
    channels = tensor.layout.channels
    depthwise = groups > 1 and groups == channels == len(weight)
    epilogue, operands = placement.image_epilogue(operation)
    result = placement.image_result(operation)
    flops = 2.0 * weight.size * result.layout.images * result.layout.pixels
    places = (tensor.place, result.place, operands)
    described = Convolution(
        tensor.layout,
        result.layout,
        _window(operation),
        depthwise,
        epilogue,
        placement.lanes,
        placement.registers,
        parallel=flops > PARALLEL_FLOPS,
    )
    placement.flops += flops
    padded = np.pad(operation.bias, (0, result.layout.stored - len(operation.bias)))
    bias = Place(placement.builder.weight(padded))
    if groups > 1 and not depthwise:
        _call_groups(placement, described, groups, weight, bias, places)
        return
    way = placement.decisions.way(described, flops)
    call_convolution(placement.builder, described, way, weight, bias, places)


def call_convolution(
    builder: ProgramBuilder,
    described: Convolution,
    way: Way,
    weight: Array,
    bias: Place,
    places: tuple[Place, Place, Sequence[Place]],
) -> None:
    """Add the calls for a convolution in one group, or depthwise; `places` are of x, y and the epilogue's operands."""
    if way.tiles:
        call_winograd(builder, described, way.tiles, weight, bias, places)
        return
    x, y, operands = places
    described = replace(described, blocking=way.block, order=way.order)
    packed = Place(builder.weight(conv.pack_weights(described, weight)))
    builder.call(conv.convolution_kernel(described), x, packed, bias, y, *operands)


def _call_groups(
    placement: Placement,
    whole: Convolution,
    groups: int,
    weight: Array,
    bias: Place,
    places: tuple[Place, Place, Sequence[Place]],
) -> None:
    """A convolution of groups of channels: as many groups at a time as fill whole vectors of outputs."""
    x, y, operands = places
    outputs, inputs, lanes = len(weight) // groups, weight.shape[1], placement.lanes
    together = next((n for n in range(1, groups) if groups % n == 0 and n * outputs % lanes == 0), groups)
    for first in range(0, groups, together):
        part = 0 if together == groups else together * outputs
        source = replace(whole.source, channels=together * inputs)
        described = replace(whole, source=source, part=part)
        begin = first * outputs
        packed = conv.pack_weights(
            described, _side_by_side(weight[begin : begin + together * outputs], together)
        )
        placement.builder.call(
            conv.convolution_kernel(described),
            _later(x, first * inputs),
            Place(placement.builder.weight(packed)),
            _later(bias, begin),
            _later(y, begin),
            *(_later(place, begin) for place in operands),
        )


def _later(place: Place, elements: int) -> Place:
    return Place(place.memory, place.offset + elements)


def _side_by_side(weight: Array, groups: int) -> Array:
    """The weights of `groups` groups as those of one, with zeros for the channels of the others."""
    outputs, inputs = len(weight) // groups, weight.shape[1]
    whole = np.zeros((len(weight), inputs * groups, *weight.shape[2:]), np.float32)
    for group in range(groups):
        rows = slice(group * outputs, (group + 1) * outputs)
        whole[rows, group * inputs : (group + 1) * inputs] = weight[rows]
    return whole


def pool(placement: Placement, operation: Operation) -> None:
    """Largest or mean of windows."""
    tensor = placement.image(operation.inputs[0])
    epilogue, operands = placement.image_epilogue(operation)
    result = placement.image_result(operation)
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
        lanes=placement.lanes,
    )
    placement.builder.call(pooling_kernel(described), tensor.place, result.place, *operands)


def elementwise(placement: Placement, operation: Operation) -> None:
    """A chain of steps that has no operation to join."""
    tensor = placement.image(operation.inputs[0])
    epilogue, operands = placement.image_epilogue(operation)
    result = placement.image_result(operation)
    kernel = elementwise_kernel(tensor.layout, result.layout, epilogue, placement.lanes)
    placement.builder.call(kernel, tensor.place, result.place, *operands)


def concat(placement: Placement, operation: Operation) -> None:
    """Each input into its channels."""
    sources = [placement.image(name) for name in operation.inputs]
    result, channel = placement.image_result(operation), 0
    for tensor in sources:
        kernel = place_kernel(tensor.layout, result.layout, placement.lanes)
        target = Place(result.memory, result.layout.origin + channel)
        placement.builder.call(kernel, tensor.place, target)
        channel += tensor.layout.channels


def flatten(placement: Placement, operation: Operation) -> None:
    """No copy: the next layer reads the image as it lies."""
    tensor = placement.rows(operation.inputs[0])
    several = tensor.layout.pixels > 1
    placement.tensors[operation.output] = replace(tensor, flat=tensor.flat or several)


IMAGE_OPERATIONS: Mapping[str, Callable[[Placement, Operation], None]] = {
    "dense": dense,
    "convolution": convolution,
    "max_pool": pool,
    "average_pool": pool,
    "elementwise": elementwise,
    "concat": concat,
    "flatten": flatten,
}


def _window(operation: Operation) -> Window:
    attributes = operation.attributes
    height, width = attributes["kernel_shape"] if operation.weight is None else operation.weight.shape[2:]
    stride_y, stride_x = attributes.get("strides", (1, 1))
    top, left = attributes.get("pads", (0, 0, 0, 0))[:2]
    step_y, step_x = attributes.get("dilations", (1, 1))
    return Window(height, width, stride_y, stride_x, top, left, step_y, step_x)
