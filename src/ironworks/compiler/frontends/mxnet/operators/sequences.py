"""Operators on sequences of different lengths in one array."""

from __future__ import annotations

import numpy as np

from ironworks.compiler.frontends.mxnet.node import Node
from ironworks.compiler.frontends.mxnet.operators.table import operator


@operator("SequenceMask", only={"axis": ("0", "1")})
def sequence_mask(node: Node) -> str:
    """What lies beyond its sequence's length becomes `value`. Time is `axis`, the batch is the other of 0 and 1."""
    if not node.flag("use_sequence_length"):
        return node.inputs[0]
    shape, time = node.shape(), node.integer("axis", 0)
    places = np.arange(shape[time]).reshape([-1 if axis == time else 1 for axis in range(len(shape))])
    sizes = [shape[axis] if axis == 1 - time else 1 for axis in range(len(shape))]
    lengths = node.reshape(node.cast(node.inputs[1], np.int64, "_length"), sizes, "_lengths")
    within = node.emit("Less", [node.constant("places", places), lengths], "_within")
    return node.emit("Where", [within, node.inputs[0], node.scalar("value", node.number("value", 0))])


@operator("SequenceLast", only={"axis": ("0", "1")})
def sequence_last(node: Node) -> str:
    shape, time = node.shape(), node.integer("axis", 0)
    if not node.flag("use_sequence_length"):
        return node.emit(
            "Gather", [node.inputs[0], node.constant("last", np.array(shape[time] - 1))], axis=time
        )
    data = node.inputs[0]
    if time == 0:
        data = node.emit("Transpose", [data], "_moved", perm=[1, 0, *range(2, len(shape))])
    lengths = node.cast(node.inputs[1], np.int64, "_length")
    last = node.emit("Sub", [lengths, node.constant("one", np.array(1))], "_last")
    column = node.reshape(last, (shape[1 - time], 1), "_column")
    return node.emit("GatherND", [data, column], batch_dims=1)


@operator("SequenceReverse", only={"axis": ("0",)})
def sequence_reverse(node: Node) -> str:
    steps, batch = node.shape()[:2]
    if node.flag("use_sequence_length"):
        lengths = node.cast(node.inputs[1], np.int64, "_length")
    else:
        lengths = node.constant("length", np.full(batch, steps))
    return node.emit("ReverseSequence", [node.inputs[0], lengths], time_axis=0, batch_axis=1)
