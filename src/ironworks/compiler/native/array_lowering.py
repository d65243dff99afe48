"""Operations on arrays: views where these do, and kernels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from ironworks.compiler.native.kernels.epilogue import Epilogue
from ironworks.compiler.native.kernels.gathering import gathering_kernel
from ironworks.compiler.native.kernels.mapping import mapping_kernel
from ironworks.compiler.native.kernels.product import describe, pack_panels, product_kernel
from ironworks.compiler.native.kernels.reduction import reduction_kernel
from ironworks.compiler.native.kernels.rows import normalise_kernel, softmax_kernel
from ironworks.compiler.native.operations import Operation
from ironworks.compiler.native.placement import PARALLEL_FLOPS, ArrayTensor, Placement
from ironworks.compiler.native.program import Place
from ironworks.compiler.native.view import View, dense_view

_PARALLEL_ELEMENTS = 1 << 16
"""Of a tensor that is worth the time in which the other threads wake up."""


def _given(placement: Placement, operation: Operation) -> ArrayTensor:
    return placement.array(operation.inputs[0])


def product(placement: Placement, operation: Operation) -> None:
    """A product of matrices: the right one packed if it is constant, its rows as they lie if it is computed."""
    left_name, right_name = operation.inputs
    network, shape = placement.network, placement.network.shapes[operation.output]
    left = placement.array(left_name)
    weight = network.constants.get(right_name)
    packed = weight is not None and weight.ndim == 2
    right = None if packed else placement.with_rows(placement.array(right_name))
    epilogue, operands = placement.array_epilogue(operation)
    result = placement.array_result(operation, any_order=True)
    batches = shape[:-2]
    described = describe(
        left.view.broadcast((*batches, *left.view.shape[-2:])).from_first,
        None if right is None else right.view.broadcast((*batches, *right.view.shape[-2:])).from_first,
        result.view.from_first,
        epilogue,
        placement.lanes,
        placement.registers,
    )
    described = replace(described, parallel=described.flops > PARALLEL_FLOPS)
    placement.flops += described.flops
    block = placement.decisions.way(described, described.flops).block
    assert block is not None
    described = replace(described, block=block)
    if right is not None:
        second = right.place
    else:
        assert weight is not None
        second = Place(placement.builder.weight(pack_panels(described, weight)))
    placement.builder.call(product_kernel(described), left.place, second, result.place, *operands)


def elementwise(placement: Placement, operation: Operation) -> None:
    """A chain of steps that has no operation to join; without steps, a copy."""
    shape = placement.network.shapes[operation.output]
    source = _given(placement, operation)
    epilogue, operands = placement.array_epilogue(operation)
    result = placement.array_result(operation, any_order=True)
    kernel = mapping_kernel(
        source.view.broadcast(shape).from_first,
        result.view.from_first,
        epilogue,
        placement.lanes,
        source.dtype,
        parallel=result.view.elements >= _PARALLEL_ELEMENTS,
    )
    placement.builder.call(kernel, source.place, result.place, *operands)


def softmax(placement: Placement, operation: Operation) -> None:
    """Over one dimension, which is made the last one."""
    source, axis = _given(placement, operation), operation.attributes["axis"]
    result = placement.array_result(operation, any_order=True)
    rank = len(source.view.shape)
    axes = [*(a for a in range(rank) if a != axis), axis]
    back = [axes.index(a) for a in range(rank)]
    rows = placement.with_rows(replace(source, view=source.view.permuted(axes)))
    target = result if axis == rank - 1 else placement.new_array(rows.view.shape)
    parallel = target.view.elements >= _PARALLEL_ELEMENTS
    views = rows.view.from_first, target.view.from_first
    kernel = softmax_kernel(*views, placement.lanes, log=operation.attributes["log"], parallel=parallel)
    placement.builder.call(kernel, rows.place, target.place)
    if target is not result:
        placement.copy(replace(target, view=target.view.permuted(back)), result)


def normalise(placement: Placement, operation: Operation) -> None:
    """Of the last dimensions, taken as one row."""
    assert operation.weight is not None
    source, attributes = _given(placement, operation), operation.attributes
    shape = (*source.view.shape[: attributes["axis"]], operation.weight.size)
    rows = source.view.reshaped(shape)
    if rows is None or rows.row != 1:
        source = placement.dense(source)
        rows = dense_view(shape)
    result = placement.array_result(operation, any_order=True)
    whole = result.view.reshaped(shape)
    target = replace(result, view=whole) if whole else placement.new_array(shape)
    constants = [operation.weight, *([] if operation.bias is None else [operation.bias])]
    weights = [Place(placement.builder.weight(array)) for array in constants]
    kernel = normalise_kernel(
        rows.from_first,
        target.view.from_first,
        attributes["epsilon"],
        placement.lanes,
        centred=attributes["centred"],
        shift=operation.bias is not None,
        parallel=target.view.elements >= _PARALLEL_ELEMENTS,
    )
    start = Place(source.memory, rows.offset)
    placement.builder.call(kernel, start, target.place, *weights)
    if whole is None:
        placement.copy(replace(target, view=dense_view(result.view.shape)), result)


def reduce(placement: Placement, operation: Operation) -> None:
    """Sum and kin over some dimensions."""
    source, attributes = _given(placement, operation), operation.attributes
    result = placement.array_result(operation)
    kept = [size for axis, size in enumerate(source.view.shape) if axis not in attributes["axes"]]
    kernel = reduction_kernel(
        source.view.from_first,
        attributes["axes"],
        dense_view(kept),
        attributes["combine"],
        attributes["before"],
        Epilogue(tuple(operation.steps), (None,) * len(operation.steps)),
        placement.lanes,
    )
    placement.builder.call(kernel, source.place, result.place)


def reshape(placement: Placement, operation: Operation) -> None:
    """No copy where strides can say it."""
    shape = placement.network.shapes[operation.output]
    source = _given(placement, operation)
    view = source.view.reshaped(shape)
    if view is None:
        made = placement.array_result(operation)
        placement.copy(source, replace(made, view=dense_view(source.view.shape)))
        return
    placement.tensors[operation.output] = replace(source, view=view)


def transpose(placement: Placement, operation: Operation) -> None:
    """No copy."""
    source = _given(placement, operation)
    view = source.view.permuted(operation.attributes["axes"])
    placement.tensors[operation.output] = replace(source, view=view)


def expand(placement: Placement, operation: Operation) -> None:
    """No copy."""
    source = _given(placement, operation)
    view = source.view.broadcast(placement.network.shapes[operation.output])
    placement.tensors[operation.output] = replace(source, view=view)


def cut(placement: Placement, operation: Operation) -> None:
    """A part of each dimension: no copy."""
    source = _given(placement, operation)
    view = source.view
    for axis, start, size, step in operation.attributes["parts"]:
        view = view.part(axis, start, size, step)
    placement.tensors[operation.output] = replace(source, view=view)


def concat(placement: Placement, operation: Operation) -> None:
    """Each input into its part."""
    axis, start = operation.attributes["axis"], 0
    sources = [placement.array(name) for name in operation.inputs]
    result = placement.array_result(operation)
    for source in sources:
        size = source.view.shape[axis]
        if source.view.elements:
            placement.copy(source, replace(result, view=result.view.part(axis, start, size)))
        start += size


def take(placement: Placement, operation: Operation) -> None:
    """Constant positions along a dimension: one is a view, several are copied one by one."""
    source, shape = _given(placement, operation), placement.network.shapes[operation.output]
    axis, positions = operation.attributes["axis"], operation.attributes["positions"]
    if len(positions) == 1:
        view = source.view.part(axis, positions[0], 1).reshaped(shape)
        if view is not None:
            placement.tensors[operation.output] = replace(source, view=view)
            return
    result = placement.array_result(operation)
    rows = (*source.view.shape[:axis], len(positions), *source.view.shape[axis + 1 :])
    for number, position in enumerate(positions):
        part = dense_view(rows).part(axis, number, 1)
        placement.copy(replace(source, view=source.view.part(axis, position, 1)), replace(result, view=part))


def gather(placement: Placement, operation: Operation) -> None:
    """Rows of a table by computed numbers."""
    table, rows = (placement.array(name) for name in operation.inputs)
    table = placement.dense(table)
    result = placement.array_result(operation)
    count = table.view.shape[0]
    flat = dense_view((count, table.view.elements // count))
    target = dense_view((*rows.view.shape, flat.shape[1]))
    kernel = gathering_kernel(flat, rows.view.from_first, target, rows.dtype, placement.lanes)
    placement.builder.call(kernel, table.place, rows.place, result.place)


def pad(placement: Placement, operation: Operation) -> None:
    """The constant everywhere, then the array into its part."""
    source, result = _given(placement, operation), placement.array_result(operation)
    filling = placement.constant(np.array([operation.attributes["value"]], np.float32))
    placement.copy(replace(filling, view=filling.view.broadcast(result.view.shape)), result)
    view = result.view
    for axis, start in enumerate(operation.attributes["starts"]):
        view = view.part(axis, start, source.view.shape[axis])
    placement.copy(source, replace(result, view=view))


def repeat(placement: Placement, operation: Operation) -> None:
    """Each element (`inner`), or the whole array, several times along each dimension."""
    source, inner = _given(placement, operation), operation.attributes["inner"]
    before, after = source.view.shape, placement.network.shapes[operation.output]
    times = [b // a for a, b in zip(before, after, strict=True)]
    wide: list[int] = []
    strides: list[int] = []
    for size, stride, count in zip(before, source.view.strides, times, strict=True):
        wide += [size, count] if inner else [count, size]
        strides += [stride, 0] if inner else [0, stride]
    result = placement.array_result(operation)
    spread = View(tuple(wide), tuple(strides), source.view.offset)
    placement.copy(replace(source, view=spread), replace(result, view=dense_view(wide)))


def rearrange(placement: Placement, operation: Operation) -> None:
    """A reshape, a transposition and a reshape."""
    source, attributes = _given(placement, operation), operation.attributes
    view = source.view.reshaped(attributes["shape"])
    if view is None:
        source, view = placement.dense(source), dense_view(attributes["shape"])
    moved = view.permuted(attributes["axes"])
    result = placement.array_result(operation)
    placement.copy(replace(source, view=moved), replace(result, view=dense_view(moved.shape)))


ARRAY_OPERATIONS: Mapping[str, Callable[[Placement, Operation], None]] = {
    "product": product,
    "elementwise": elementwise,
    "softmax": softmax,
    "normalise": normalise,
    "reduce": reduce,
    "reshape": reshape,
    "transpose": transpose,
    "expand": expand,
    "slice": cut,
    "concat": concat,
    "take": take,
    "gather": gather,
    "pad": pad,
    "repeat": repeat,
    "rearrange": rearrange,
}
