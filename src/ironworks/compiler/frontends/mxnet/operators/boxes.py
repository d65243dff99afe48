"""Boxes of detectors, as corners (left, top, right, bottom) or as center (x, y, width, height).

Source: `src/operator/contrib/bounding_box-inl.h` and `bounding_box-common.h` of Apache MXNet 1.9.1.
"""

from __future__ import annotations

import numpy as np

from ironworks.compiler.frontends.mxnet.node import Node
from ironworks.compiler.frontends.mxnet.operators.table import operator


def columns(node: Node, boxes: str, name: str) -> list[str]:
    """The four numbers of `boxes` (…, 4), each as (…, 1)."""
    axis = len(node.builder.shape(boxes)) - 1
    return node.builder.add("Split", [boxes], f"{node.name}_{name}", outputs=4, axis=axis, num_outputs=4)


def joined(node: Node, parts: list[str], name: str) -> str:
    """The reverse of `columns`."""
    return node.emit("Concat", parts, name, axis=len(node.builder.shape(parts[0])) - 1)


def corners_of(node: Node, boxes: str, name: str) -> str:
    """Boxes (…, 4) given by their center as corners."""
    x, y, width, height = columns(node, boxes, name)
    two = node.constant("two", np.array(2, node.builder.dtype(boxes)))
    halves = [node.emit("Div", [side, two], f"_{name}_half") for side in (width, height)]
    least, most = (
        [node.emit(step, [at, half], f"_{name}_{step}") for at, half in zip((x, y), halves, strict=True)]
        for step in ("Sub", "Add")
    )
    return joined(node, [*least, *most], f"_{name}_corners")


def centers_of(node: Node, boxes: str, name: str) -> str:
    """Boxes (…, 4) given by their corners as centers."""
    left, top, right, bottom = columns(node, boxes, name)
    two = node.constant("two", np.array(2, node.builder.dtype(boxes)))
    middles, sizes = [], []
    for first, last in ((left, right), (top, bottom)):
        middles.append(
            node.emit("Div", [node.emit("Add", [first, last], f"_{name}_sum"), two], f"_{name}_middle")
        )
        sizes.append(node.emit("Sub", [last, first], f"_{name}_size"))
    return joined(node, [*middles, *sizes], f"_{name}_center")


@operator("_contrib_box_decode")
def box_decode(node: Node) -> str:
    """Moves and scales of anchors as corners: the anchor's size times exp(d), its center moved by d of its size."""
    anchors = node.inputs[1]
    if node.text("format", "center") == "corner":
        anchors = centers_of(node, anchors, "anchors")
    x, y, width, height = columns(node, anchors, "anchor")
    parts = columns(node, node.inputs[0], "moves")
    stds = [node.scalar(f"std{index}", node.number(f"std{index}", 1)) for index in range(4)]
    moves = [
        node.emit("Mul", pair, f"_move{index}") for index, pair in enumerate(zip(parts, stds, strict=True))
    ]
    half, limit = node.scalar("half", 0.5), node.number("clip", -1)
    least, most = [], []
    for move, scale, at, size in ((moves[0], moves[2], x, width), (moves[1], moves[3], y, height)):
        middle = node.emit("Add", [node.emit("Mul", [move, size], "_moved"), at], "_middle")
        if limit > 0:
            scale = node.emit("Min", [scale, node.scalar("limit", limit)], "_limited")
        extent = node.emit("Mul", [node.emit("Exp", [scale], "_scale"), size], "_extent")
        reach = node.emit("Mul", [extent, half], "_reach")
        least.append(node.emit("Sub", [middle, reach], "_least"))
        most.append(node.emit("Add", [middle, reach], "_most"))
    return joined(node, [*least, *most], "")


@operator("_contrib_box_iou")
def box_iou(node: Node) -> str:
    """Intersection over union of each box of the first input with each of the second; 0 where they do not meet."""
    first, second = node.shape(0)[:-1], node.shape(1)[:-1]
    shapes = ((*first, *[1] * len(second), 4), (*[1] * len(first), *second, 4))
    sides, areas = [], []
    for position, shape in enumerate(shapes):
        boxes = node.reshape(node.inputs[position], shape, f"_boxes{position}")
        center = node.text("format", "corner") == "center"
        left, top, right, bottom = columns(node, corners_of(node, boxes, "box") if center else boxes, "side")
        sides.append((left, top, right, bottom))
        lengths = [node.emit("Sub", pair, "_length") for pair in ((right, left), (bottom, top))]
        areas.append(_product_of_positive(node, lengths, "_area"))
    (left, top, right, bottom), (other_left, other_top, other_right, other_bottom) = sides
    ends = [node.emit("Min", pair, "_end") for pair in ((right, other_right), (bottom, other_bottom))]
    starts = [node.emit("Max", pair, "_start") for pair in ((left, other_left), (top, other_top))]
    overlaps = [node.emit("Sub", pair, "_overlap") for pair in zip(ends, starts, strict=True)]
    shared = _product_of_positive(node, overlaps, "_shared")
    union = node.emit("Sub", [node.emit("Add", areas, "_both"), shared], "_union")
    zero = node.scalar("zero", 0)
    meets = node.emit("Greater", [shared, zero], "_meets")
    divisor = node.emit("Where", [meets, union, node.scalar("one", 1)], "_divisor")
    ratio = node.emit("Div", [shared, divisor], "_ratio")
    return node.reshape(node.emit("Where", [meets, ratio, zero], "_iou"), (*first, *second))


def _product_of_positive(node: Node, lengths: list[str], name: str) -> str:
    """Width times height, 0 where one of them is negative."""
    zero = node.scalar("zero", 0)
    return node.emit("Mul", [node.emit("Max", [length, zero], f"{name}_side") for length in lengths], name)
