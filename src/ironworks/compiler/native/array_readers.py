"""Nodes that work on arrays of any rank, as operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

import numpy as np
import onnx

from ironworks.compiler.backends.candidate import BackendSkipped
from ironworks.compiler.native.element_steps import ELEMENT_STEPS
from ironworks.compiler.native.image_readers import BINARY
from ironworks.compiler.native.nodes import Graph, attributes_of, label, number, numbers
from ironworks.compiler.native.operations import Operation, Step

_REDUCTIONS = {
    "ReduceSum": ("add", ""),
    "ReduceMean": ("add", ""),
    "ReduceMax": ("max", ""),
    "ReduceMin": ("min", ""),
    "ReduceProd": ("mul", ""),
    "ReduceL1": ("add", "abs"),
    "ReduceL2": ("add", "square"),
    "ReduceSumSquare": ("add", "square"),
}
"""How elements are combined, and what is done to each before."""
_LONGEST_CHOICE = 64
"""Constant positions that are copied one by one."""


def _operation(kind: str, node: onnx.NodeProto, inputs: list[str], **attributes: object) -> Operation:
    return Operation(kind, label(node), inputs, node.output[0], attributes)


def _steps(graph: Graph, node: onnx.NodeProto) -> Operation:
    steps = list(ELEMENT_STEPS[node.op_type](graph, node))
    return Operation("elementwise", label(node), [node.input[0]], node.output[0], steps=steps)


def _binary(graph: Graph, node: onnx.NodeProto) -> Operation:
    """The tensor of the result's shape first; where both are broadcast, the first one is spread out."""
    if len(node.input) != 2:
        return _several(graph, node)
    left, right = node.input
    shape = graph.shapes[node.output[0]]
    swapped = left in graph.constants or (graph.shapes[left] != shape and right not in graph.constants)
    tensor, other = (right, left) if swapped else (left, right)
    constant = graph.constants[other].astype(np.float32) if other in graph.constants else None
    step = Step(BINARY[node.op_type], "" if constant is not None else other, constant, swapped=swapped)
    return Operation("elementwise", label(node), [tensor], node.output[0], steps=[step])


def _several(graph: Graph, node: onnx.NodeProto) -> Operation:
    """A sum, or the largest or smallest, of one tensor or of more than two."""
    steps = [
        Step(BINARY[node.op_type], "", graph.constants[name].astype(np.float32))
        if name in graph.constants
        else Step(BINARY[node.op_type], name)
        for name in node.input[1:]
    ]
    return Operation("elementwise", label(node), [node.input[0]], node.output[0], steps=steps)


def _product(graph: Graph, node: onnx.NodeProto) -> Operation:
    if min(len(graph.shape(node)), len(graph.shape(node, 1))) < 2:
        raise BackendSkipped(f"{label(node)} multiplies a vector, where it takes matrices")
    return _operation("product", node, list(node.input))


def _softmax(graph: Graph, node: onnx.NodeProto) -> Operation:
    rank = len(graph.shape(node))
    axis = int(number(attributes_of(node), "axis", -1)) % rank
    return _operation("softmax", node, [node.input[0]], axis=axis, log=node.op_type == "LogSoftmax")


def _normalise(graph: Graph, node: onnx.NodeProto) -> Operation:
    attributes, shape = attributes_of(node), graph.shape(node)
    if len([name for name in node.output if name]) > 1:
        raise BackendSkipped(f"{label(node)} answers the mean too, where one output is taken")
    axis = int(number(attributes, "axis", -1)) % len(shape)
    weight, bias = graph.constant(node, 1), graph.optional(node, 2)
    rows = [np.broadcast_to(item, shape[axis:]) for item in (weight, bias) if item is not None]
    return Operation(
        "normalise",
        label(node),
        [node.input[0]],
        node.output[0],
        {
            "axis": axis,
            "epsilon": number(attributes, "epsilon", 1e-5),
            "centred": node.op_type == "LayerNormalization",
        },
        weight=rows[0],
        bias=rows[1] if bias is not None else None,
    )


def _reduce(graph: Graph, node: onnx.NodeProto) -> Operation:
    attributes, shape = attributes_of(node), graph.shape(node)
    given = graph.optional(node, 1)
    every = [] if attributes.get("noop_with_empty_axes") else list(range(len(shape)))
    chosen = numbers(attributes, "axes", every) if given is None else given.ravel().tolist() or every
    axes = sorted(int(axis) % len(shape) for axis in chosen)
    combine, before = _REDUCTIONS[node.op_type]
    operation = _operation("reduce", node, [node.input[0]], axes=axes, combine=combine, before=before)
    if node.op_type == "ReduceMean":
        count = prod(shape[axis] for axis in axes)
        if count == 0:
            raise BackendSkipped(f"{label(node)} takes the mean of nothing")
        operation.steps.append(Step("mul", constant=np.array([1 / count], np.float32)))
    if node.op_type == "ReduceL2":
        operation.steps.append(Step("sqrt"))
    return operation


def _reshape(graph: Graph, node: onnx.NodeProto) -> Operation:
    return _operation("reshape", node, [node.input[0]])


def _transpose(graph: Graph, node: onnx.NodeProto) -> Operation:
    rank = len(graph.shape(node))
    axes = numbers(attributes_of(node), "perm", list(reversed(range(rank))))
    return _operation("transpose", node, [node.input[0]], axes=axes)


def _expand(graph: Graph, node: onnx.NodeProto) -> Operation:
    return _operation("expand", node, [node.input[0]])


def _concat(graph: Graph, node: onnx.NodeProto) -> Operation:
    axis = int(number(attributes_of(node), "axis", 0)) % len(graph.shapes[node.output[0]])
    return _operation("concat", node, list(node.input), axis=axis)


def _slice(graph: Graph, node: onnx.NodeProto) -> Operation:
    shape, attributes = graph.shape(node), attributes_of(node)
    if "starts" in attributes:  # before opset 10
        starts, ends = numbers(attributes, "starts", []), numbers(attributes, "ends", [])
        axes, steps = numbers(attributes, "axes", list(range(len(starts)))), [1] * len(starts)
    else:
        starts, ends = (graph.constant(node, position).tolist() for position in (1, 2))
        given = graph.optional(node, 3)
        axes = list(range(len(starts))) if given is None else given.tolist()
        given = graph.optional(node, 4)
        steps = [1] * len(starts) if given is None else given.tolist()
    parts = []
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        chosen = range(shape[axis])[slice(start, None if step < 0 and end < -shape[axis] else end, step)]
        parts.append((axis % len(shape), chosen.start, len(chosen), step))
    return _operation("slice", node, [node.input[0]], parts=parts)


def _split(graph: Graph, node: onnx.NodeProto) -> list[Operation]:
    axis = int(number(attributes_of(node), "axis", 0)) % len(graph.shape(node))
    operations, start = [], 0
    for output in node.output:
        size = graph.shapes[output][axis]
        parts = [(axis, start, size, 1)]
        operations.append(Operation("slice", label(node), [node.input[0]], output, {"parts": parts}))
        start += size
    return operations


def _gather(graph: Graph, node: onnx.NodeProto) -> Operation:
    shape = graph.shape(node)
    axis = int(number(attributes_of(node), "axis", 0)) % len(shape)
    chosen = node.input[1]
    if chosen in graph.constants:
        positions = graph.constants[chosen]
        if positions.size > _LONGEST_CHOICE:
            raise BackendSkipped(f"{label(node)} takes more than {_LONGEST_CHOICE} constant positions")
        rows = [int(position) % shape[axis] for position in positions.ravel()]
        return _operation("take", node, [node.input[0]], axis=axis, positions=rows)
    if axis != 0:
        raise BackendSkipped(f"{label(node)} takes computed positions along another axis than the first")
    return _operation("gather", node, [node.input[0], chosen])


def _cast(graph: Graph, node: onnx.NodeProto) -> Operation:
    if attributes_of(node).get("to") != onnx.TensorProto.FLOAT:
        raise BackendSkipped(f"{label(node)} casts to another dtype than float32")
    return Operation("elementwise", label(node), [node.input[0]], node.output[0])


def _pad(graph: Graph, node: onnx.NodeProto) -> Operation:
    attributes, shape = attributes_of(node), graph.shape(node)
    if attributes.get("mode", b"constant") != b"constant":
        raise BackendSkipped(f"{label(node)} pads with other things than a constant")
    value = graph.optional(node, 2)
    given, axes = graph.optional(node, 1), graph.optional(node, 3)
    pads = numbers(attributes, "pads", []) if given is None else given.tolist()
    chosen = list(range(len(shape))) if axes is None else [int(axis) % len(shape) for axis in axes]
    before = dict(zip(chosen, pads[: len(chosen)], strict=True))
    if min(pads) < 0:
        raise BackendSkipped(f"{label(node)} has negative pads")
    filling = number(attributes, "value", 0.0) if value is None else float(value.flat[0])
    starts = [before.get(axis, 0) for axis in range(len(shape))]
    return _operation("pad", node, [node.input[0]], starts=starts, value=filling)


def _tile(graph: Graph, node: onnx.NodeProto) -> Operation:
    return _operation("repeat", node, [node.input[0]], inner=False)


def _resize(graph: Graph, node: onnx.NodeProto) -> Operation:
    """By whole factors, each element as often as its factor says."""
    attributes, before, after = attributes_of(node), graph.shape(node), graph.shapes[node.output[0]]
    old = node.op_type == "Upsample"
    positions = attributes.get("coordinate_transformation_mode", b"asymmetric" if old else b"half_pixel")
    rounding = str(attributes.get("nearest_mode", b"floor" if old else b"round_prefer_floor"))
    # The copies of an element lie from it upwards where positions are asymmetric, else on both sides of it.
    exact = (positions == b"asymmetric" and "floor" in rounding and "round" not in rounding) or (
        positions == b"half_pixel" and "round" in rounding
    )
    whole = not any(b % a for a, b in zip(before, after, strict=True))
    if attributes.get("mode", b"nearest") != b"nearest" or not exact or not whole or _scaled(graph, node):
        raise BackendSkipped(f"{label(node)} resizes in another way than by whole factors to the nearest")
    return _operation("repeat", node, [node.input[0]], inner=True)


def _scaled(graph: Graph, node: onnx.NodeProto) -> bool:
    """Whether a factor is given that is no whole number."""
    given = attributes_of(node).get("scales")
    position = 1 if node.op_type == "Upsample" else 2
    if given is None and len(node.input) > position and node.input[position]:
        given = graph.constant(node, position)
    return given is not None and bool((np.asarray(given) % 1 != 0).any())


def _depth_to_space(graph: Graph, node: onnx.NodeProto) -> Operation:
    attributes, (n, c, h, w) = attributes_of(node), graph.shape(node)
    size = int(number(attributes, "blocksize", 1))
    if attributes.get("mode", b"DCR") == b"DCR":
        shape, axes = (n, size, size, c // size**2, h, w), (0, 3, 4, 1, 5, 2)
    else:
        shape, axes = (n, c // size**2, size, size, h, w), (0, 1, 4, 2, 5, 3)
    return _operation("rearrange", node, [node.input[0]], shape=shape, axes=axes)


def _space_to_depth(graph: Graph, node: onnx.NodeProto) -> Operation:
    n, c, h, w = graph.shape(node)
    if attributes_of(node).get("mode", b"DCR") != b"DCR":
        raise BackendSkipped(f"{label(node)} has another order of channels than depth, column, row")
    size = int(number(attributes_of(node), "blocksize", 1))
    shape = (n, c, h // size, size, w // size, size)
    return _operation("rearrange", node, [node.input[0]], shape=shape, axes=(0, 3, 5, 1, 2, 4))


ARRAY_READERS: Mapping[str, Callable[[Graph, onnx.NodeProto], Operation | list[Operation]]] = {
    "MatMul": _product,
    "Softmax": _softmax,
    "LogSoftmax": _softmax,
    "LayerNormalization": _normalise,
    "RMSNormalization": _normalise,
    "Reshape": _reshape,
    "Flatten": _reshape,
    "Squeeze": _reshape,
    "Unsqueeze": _reshape,
    "Identity": _reshape,
    "Transpose": _transpose,
    "Expand": _expand,
    "Concat": _concat,
    "Slice": _slice,
    "Split": _split,
    "Gather": _gather,
    "Cast": _cast,
    "Pad": _pad,
    "Tile": _tile,
    "Resize": _resize,
    "Upsample": _resize,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
    **dict.fromkeys(_REDUCTIONS, _reduce),
    **dict.fromkeys(ELEMENT_STEPS, _steps),
    **dict.fromkeys(BINARY, _binary),
}
"""By operator; each answers the operation or operations, or raises BackendSkipped."""
