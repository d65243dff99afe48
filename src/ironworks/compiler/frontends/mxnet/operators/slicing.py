"""Operators that cut arrays."""

from __future__ import annotations

from collections.abc import Sequence

from ironworks.compiler.frontends.mxnet.node import Node
from ironworks.compiler.frontends.mxnet.operators.table import operator
from ironworks.compiler.graph import ShapeConflict

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
    last = node.integer("end") if node.given("end") else _END
    return _slice(node, [node.integer("begin")], [last], [node.axis("axis", 0)], [1])


@operator("slice_like")
def slice_like(node: Node) -> str:
    like, rank = node.shape(1), len(node.shape())
    axes = [axis % rank for axis in node.integers("axes", range(len(like)))]
    return _slice(node, [0] * len(axes), [like[axis] for axis in axes], axes, [1] * len(axes))


@operator("reverse", "flip")
def reverse(node: Node) -> str:
    axes = node.integers("axis")
    return _slice(node, [-1] * len(axes), [-_END] * len(axes), axes, [-1] * len(axes))


@operator("Crop")
def crop(node: Node) -> str:
    """Height and width of the second input, or `h_w`, from the middle or from `offset`."""
    size = node.shape()[2:]
    wanted = node.shape(1)[2:] if len(node.inputs) == 2 else tuple(node.integers("h_w", (0, 0)))
    room = [extent - target for extent, target in zip(size, wanted, strict=True)]
    if min(room) < 0:
        raise ShapeConflict(f"{list(wanted)} is larger than what it is cut from")
    start = [space // 2 for space in room] if node.flag("center_crop") else node.integers("offset", (0, 0))
    ends = [first + target for first, target in zip(start, wanted, strict=True)]
    return _slice(node, start, ends, [2, 3], [1, 1])
