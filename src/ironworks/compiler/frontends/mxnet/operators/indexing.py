"""Operators that take parts of an array."""

from __future__ import annotations

from collections.abc import Sequence

from ironworks.compiler.frontends.mxnet.node import Node
from ironworks.compiler.frontends.mxnet.operators.layers import gather_rows
from ironworks.compiler.frontends.mxnet.operators.table import operator

_END = 2**31 - 1


def _slice(
    node: Node, starts: Sequence[int], ends: Sequence[int], axes: Sequence[int], steps: Sequence[int]
) -> str:
    parts = (("starts", starts), ("ends", ends), ("axes", axes), ("steps", steps))
    return node.emit("Slice", [node.inputs[0], *(node.constant(key, list(values)) for key, values in parts)])


@operator("slice", "crop")
def slice_all(node: Node) -> str:
    begins, ends = node.sequence("begin") or [], node.sequence("end") or []
    steps = [step or 1 for step in node.sequence("step") or [1] * len(begins)]
    first = [
        (0 if step > 0 else _END) if begin is None else begin
        for begin, step in zip(begins, steps, strict=True)
    ]
    last = [
        (_END if step > 0 else -_END) if end is None else end for end, step in zip(ends, steps, strict=True)
    ]
    return _slice(node, first, last, range(len(first)), steps)


@operator("slice_axis")
def slice_axis(node: Node) -> str:
    end = node.text("end", "None")
    last = _END if end == "None" else int(end)
    return _slice(node, [node.integer("begin")], [last], [node.axis("axis", 0)], [1])


@operator("slice_like")
def slice_like(node: Node) -> str:
    like, rank = node.shape(1), len(node.shape())
    axes = [axis % rank for axis in node.integers("axes", range(len(like)))]
    return _slice(node, [0] * len(axes), [like[axis] for axis in axes], axes, [1] * len(axes))


@operator("take")
def take(node: Node) -> str:
    node.expect("mode", "clip")
    axis = node.axis("axis", 0)
    return gather_rows(node, node.inputs[0], node.inputs[1], node.shape()[axis], axis)
