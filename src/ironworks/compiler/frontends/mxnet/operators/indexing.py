"""Operators that look elements up by their index. An index may have any dtype, also a floating-point one."""

from __future__ import annotations

import numpy as np

from ironworks.compiler.frontends.mxnet.node import Node, widened
from ironworks.compiler.frontends.mxnet.operators.table import operator


def rows_within(node: Node, indices: str, count: int, wrap: bool = False) -> str:
    """`indices` as int64; those that are not in 0 … `count` - 1 are the nearest in it, or are wrapped around."""
    whole = node.cast(indices, np.int64, "_index")
    if wrap:
        return node.emit("Mod", [whole, node.constant("count", np.array(count))], "_within")
    bounds = [node.constant("first", np.array(0)), node.constant("last", np.array(count - 1))]
    return node.emit("Clip", [whole, *bounds], "_within")


@operator("take")
def take(node: Node) -> str:
    """Out of range `clip` takes the nearest, `wrap` goes around; `raise` is an error, here as `clip`."""
    axis = node.axis("axis", 0)
    wrap = node.text("mode", "clip") == "wrap"
    within = rows_within(node, node.inputs[1], node.shape()[axis], wrap)
    return node.emit("Gather", [node.inputs[0], within], axis=axis)


@operator("batch_take")
def batch_take(node: Node) -> str:
    rows, columns = node.shape()
    within = node.reshape(rows_within(node, node.inputs[1], columns), (rows, 1), "_column")
    return node.reshape(node.emit("GatherElements", [node.inputs[0], within], "_taken", axis=1), (rows,))


@operator("pick")
def pick(node: Node) -> str:
    shape = list(node.shape())
    axis = node.axis("axis", -1)
    within = rows_within(node, node.inputs[1], shape[axis], node.text("mode", "clip") == "wrap")
    shape[axis] = 1
    picked = node.emit(
        "GatherElements", [node.inputs[0], node.reshape(within, shape, "_aligned")], "_picked", axis=axis
    )
    if not node.flag("keepdims"):
        del shape[axis]
    return node.reshape(picked, shape or [1])


@operator("gather_nd")
def gather_nd(node: Node) -> str:
    """The first axis of the indices counts the axes of the data; in ONNX it is the last."""
    rank = len(node.shape(1))
    last = node.emit("Transpose", [node.inputs[1]], "_last", perm=[*range(1, rank), 0])
    return node.emit("GatherND", [node.inputs[0], node.cast(last, np.int64, "_index")])


@operator("one_hot")
def one_hot(node: Node) -> str:
    """An index that is out of range has no place that is on."""
    whole = node.cast(node.inputs[0], np.int64, "_index")
    column = node.reshape(whole, (*node.shape(), 1), "_column")
    hit = node.emit("Equal", [column, node.constant("places", np.arange(node.integer("depth")))], "_hit")
    dtype = widened(np.dtype(node.text("dtype", "float32")))
    values = [node.number("on_value", 1), node.number("off_value", 0)]
    sides = [node.constant(f"value{index}", np.array(value, dtype)) for index, value in enumerate(values)]
    return node.emit("Where", [hit, *sides])
