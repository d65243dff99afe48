"""Nodes that work on images (N, C, H, W), sequences (N, C, L) and rows (N, C), as operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import onnx

from ironworks.compiler.backends.candidate import BackendSkipped
from ironworks.compiler.native.element_steps import ELEMENT_STEPS
from ironworks.compiler.native.nodes import Graph, attributes_of, label, number
from ironworks.compiler.native.operations import Array, Operation, Step

BINARY = {"Add": "add", "Sum": "add", "Sub": "sub", "Mul": "mul", "Div": "div", "Max": "max", "Min": "min"}


def _dense(graph: Graph, node: onnx.NodeProto) -> Operation:
    attributes = attributes_of(node)
    weight = graph.constant(node, 1)
    if len(graph.shape(node)) != 2 or weight.ndim != 2 or attributes.get("transA"):
        raise BackendSkipped(f"{label(node)} multiplies other things than rows by a constant matrix")
    if attributes.get("transB"):
        weight = weight.T
    weight = (weight.astype(np.float32) * np.float32(number(attributes, "alpha", 1.0))).astype(np.float32)
    bias = np.zeros(weight.shape[1], np.float32)
    given = graph.optional(node, 2)
    if given is not None:
        if given.size not in (1, weight.shape[1]):
            raise BackendSkipped(f"{label(node)} has another bias for each row")
        bias = np.broadcast_to(given.reshape(-1) * np.float32(number(attributes, "beta", 1.0)), bias.shape)
    return Operation(
        "dense", label(node), [node.input[0]], node.output[0], weight=weight, bias=bias.astype(np.float32)
    )


def _convolution(graph: Graph, node: onnx.NodeProto) -> Operation:
    weight = graph.constant(node, 1)
    attributes = _window_attributes(node, weight.ndim)
    if weight.ndim not in (3, 4):
        raise BackendSkipped(f"{label(node)} is no convolution of images or sequences")
    bias = graph.optional(node, 2)
    return Operation(
        "convolution",
        label(node),
        [node.input[0]],
        node.output[0],
        attributes,
        weight=weight.reshape(*weight.shape, *[1] * (4 - weight.ndim)),
        bias=np.zeros(weight.shape[0], np.float32) if bias is None else bias,
    )


def _window_attributes(node: onnx.NodeProto, rank: int) -> dict[str, object]:
    """The node's attributes; those of a sequence with a second dimension of 1."""
    attributes = attributes_of(node)
    if attributes.get("auto_pad", b"NOTSET") == b"VALID":
        attributes["auto_pad"] = b"NOTSET"
    if attributes.get("auto_pad", b"NOTSET") != b"NOTSET":
        raise BackendSkipped(f"{label(node)} has no explicit pads")
    if rank == 3:
        for name, filling in (("strides", 1), ("dilations", 1), ("kernel_shape", 1), ("pads", 0)):
            given = attributes.get(name)
            if isinstance(given, list):
                attributes[name] = [item for value in given for item in (value, filling)]
    return attributes


def _pool(graph: Graph, node: onnx.NodeProto) -> Operation:
    shape = graph.shape(node)
    attributes = _window_attributes(node, len(shape))
    if len(shape) not in (3, 4) or len(node.output) > 1:
        raise BackendSkipped(f"{label(node)} does not pool images or sequences, or answers positions")
    if node.op_type.startswith("Global"):
        attributes["kernel_shape"] = [*shape[2:], *[1] * (4 - len(shape))]
    kind = "max_pool" if node.op_type.endswith("MaxPool") else "average_pool"
    return Operation(kind, label(node), [node.input[0]], node.output[0], attributes)


def _mean(graph: Graph, node: onnx.NodeProto) -> Operation:
    """The mean of all pixels, written as a reduction, is pooling."""
    shape, attributes = graph.shape(node), attributes_of(node)
    given = graph.optional(node, 1)
    axes = attributes.get("axes") if given is None else given.ravel().tolist()
    spatial = list(range(2, len(shape)))
    if len(shape) != 4 or not isinstance(axes, list) or sorted(a % 4 for a in axes) != spatial:
        raise BackendSkipped(f"{label(node)} is no mean over the pixels of images")
    if not attributes.get("keepdims", 1):
        raise BackendSkipped(f"{label(node)} drops the dimensions that it takes the mean over")
    return Operation(
        "average_pool", label(node), [node.input[0]], node.output[0], {"kernel_shape": list(shape[2:])}
    )


def _steps(graph: Graph, node: onnx.NodeProto) -> Operation:
    steps = list(ELEMENT_STEPS[node.op_type](graph, node))
    return Operation("elementwise", label(node), [node.input[0]], node.output[0], steps=steps)


def _slopes(graph: Graph, node: onnx.NodeProto) -> Operation:
    slope = graph.constant(node, 1)
    if slope.size > 1 and slope.shape[0] != slope.size:
        slope = slope.reshape(1, *slope.shape) if slope.ndim < len(graph.shape(node)) else slope
    step = Step("leaky", constant=by_channel(slope, graph.shape(node), node))
    assert step.constant is not None
    if not ((step.constant >= 0) & (step.constant <= 1)).all():
        raise BackendSkipped(f"{label(node)} has slopes that are not between 0 and 1")
    return Operation("elementwise", label(node), [node.input[0]], node.output[0], steps=[step])


def _batch_normalization(graph: Graph, node: onnx.NodeProto) -> Operation:
    epsilon = number(attributes_of(node), "epsilon", 1e-5)
    gamma, beta, mean, variance = (
        graph.constant(node, position).astype(np.float64) for position in (1, 2, 3, 4)
    )
    scale = gamma / np.sqrt(variance + epsilon)
    steps = [
        Step("mul", constant=scale.astype(np.float32)),
        Step("add", constant=(beta - mean * scale).astype(np.float32)),
    ]
    return Operation("elementwise", label(node), [node.input[0]], node.output[0], steps=steps)


def _binary(graph: Graph, node: onnx.NodeProto) -> Operation:
    if len(node.input) != 2:
        raise BackendSkipped(f"{label(node)} has {len(node.input)} inputs, where it takes two")
    kind, shape = BINARY[node.op_type], graph.shapes[node.output[0]]
    left, right = node.input
    swapped = left in graph.constants or graph.shapes[left] != shape
    tensor, other = (right, left) if swapped else (left, right)
    if tensor in graph.constants or graph.shapes[tensor] != shape:
        raise BackendSkipped(f"{label(node)} broadcasts both of its inputs, or has constants only")
    if other in graph.constants:
        step = Step(kind, constant=by_channel(graph.constants[other], shape, node), swapped=swapped)
    else:
        _check_broadcast(graph.shapes[other], shape, node)
        step = Step(kind, operand=other, swapped=swapped)
    return Operation("elementwise", label(node), [tensor], node.output[0], steps=[step])


def by_channel(constant: Array, shape: Sequence[int], node: onnx.NodeProto) -> Array:
    """A constant that broadcasts to `shape` as one number, or one a channel.

    Raises:
        BackendSkipped: it is neither.
    """
    if constant.size == 1:
        return constant.reshape(1).astype(np.float32)
    full = (1,) * (len(shape) - constant.ndim) + constant.shape
    if len(shape) > 1 and constant.size == shape[1] and full[1] == shape[1]:
        return constant.reshape(-1).astype(np.float32)
    raise BackendSkipped(f"{label(node)} has a constant that is not one number a channel")


def _check_broadcast(given: Sequence[int], shape: Sequence[int], node: onnx.NodeProto) -> None:
    same = len(given) == len(shape) > 1 and given[1] == shape[1]
    if not same or any(a not in (1, b) for a, b in zip(given, shape, strict=True)):
        raise BackendSkipped(
            f"{label(node)} broadcasts {list(given)} to {list(shape)}, not a channel as a whole"
        )


def _flatten(graph: Graph, node: onnx.NodeProto) -> Operation:
    before, after = graph.shape(node), graph.shapes[node.output[0]]
    if before[0] != after[0] or len(after) != 2 or len(before) < 2:
        raise BackendSkipped(
            f"{label(node)} reshapes {list(before)} to {list(after)}, which is no flattening"
        )
    return Operation("flatten", label(node), [node.input[0]], node.output[0])


def _concat(graph: Graph, node: onnx.NodeProto) -> Operation:
    shape = graph.shapes[node.output[0]]
    if int(str(attributes_of(node)["axis"])) % len(shape) != 1 or len(shape) < 2:
        raise BackendSkipped(f"{label(node)} joins along another axis than the channels")
    if any(name in graph.constants for name in node.input):
        raise BackendSkipped(f"{label(node)} joins constants")
    return Operation("concat", label(node), list(node.input), node.output[0])


IMAGE_READERS: Mapping[str, Callable[[Graph, onnx.NodeProto], Operation | list[Operation]]] = {
    "Gemm": _dense,
    "MatMul": _dense,
    "Conv": _convolution,
    "MaxPool": _pool,
    "AveragePool": _pool,
    "GlobalAveragePool": _pool,
    "GlobalMaxPool": _pool,
    "ReduceMean": _mean,
    "PRelu": _slopes,
    "BatchNormalization": _batch_normalization,
    "Flatten": _flatten,
    "Reshape": _flatten,
    "Squeeze": _flatten,
    "Concat": _concat,
    **dict.fromkeys(ELEMENT_STEPS, _steps),
    **dict.fromkeys(BINARY, _binary),
}
"""By operator; each answers the operation, or raises BackendSkipped."""
