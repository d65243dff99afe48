"""The anchors and detections of single-shot detectors.

Source: `src/operator/contrib/multibox_prior.cc` and `multibox_detection.cc` of Apache MXNet 1.9.1.
"""

from __future__ import annotations

import numpy as np

from ironworks.compiler.frontends.mxnet.node import Node
from ironworks.compiler.frontends.mxnet.operators.boxes import columns, joined
from ironworks.compiler.frontends.mxnet.operators.suppression import column_of, rows_at, survivors
from ironworks.compiler.frontends.mxnet.operators.table import operator


@operator("_contrib_MultiBoxPrior")
def multibox_prior(node: Node) -> str:
    """Anchors around the middle of each cell: all sizes of the first ratio, then the first size of the others."""
    height, width = node.shape()[2:]
    sizes, ratios = node.numbers("sizes", (1.0,)), node.numbers("ratios", (1.0,))
    given = node.numbers("steps", (-1.0, -1.0))
    steps = [step if step > 0 else 1 / extent for step, extent in zip(given, (height, width), strict=True)]
    offsets = node.numbers("offsets", (0.5, 0.5))
    y, x = (
        ((np.arange(extent, dtype=np.float32) + np.float32(offset)) * np.float32(step)).astype(np.float32)
        for extent, offset, step in zip((height, width), offsets, steps, strict=True)
    )
    roots = np.sqrt(np.array(ratios, np.float32))
    extents = np.array([*sizes, *[sizes[0]] * (len(ratios) - 1)], np.float32)
    shapes = np.array([*[roots[0]] * len(sizes), *roots[1:]], np.float32)
    half_width = extents * np.float32(height) / np.float32(width) * shapes / 2
    half_height = extents / shapes / 2
    half = np.stack([half_width, half_height], -1)
    centers = np.stack(np.meshgrid(x, y), -1)[:, :, None]  # (height, width, 1, 2)
    boxes = np.concatenate([centers - half, centers + half], -1).reshape(1, -1, 4)
    if node.flag("clip"):
        boxes = boxes.clip(0, 1)
    return node.constant("anchors", boxes.astype(np.float32))


@operator("_contrib_MultiBoxDetection")
def multibox_detection(node: Node) -> str:
    """Rows (class, score, left, top, right, bottom): a suppressed one has the class -1, one without a box is -1."""
    batch, _, count = node.shape()
    threshold = node.number("nms_threshold", 0.5)
    suppress = 0 < threshold <= 1
    score, label, valid = _best_classes(node)
    parts = [node.reshape(part, (batch, count, 1), "_column") for part in (label, score)]
    rows = node.emit("Concat", [*parts, _located(node, batch, count)], "_detections", axis=2)
    places, inside = _order(node, score, valid, suppress)
    rows = rows_at(node, rows, places, "_ordered")
    if suppress:
        rows = _suppressed(node, rows, inside, threshold)
    column = node.reshape(inside, (batch, count, 1), "_inside_row")
    return node.emit("Where", [column, rows, node.scalar("none", -1)])


def _best_classes(node: Node) -> tuple[str, str, str]:
    """The highest probability of each anchor but the first class's, its class, and whether it is high enough."""
    classes = node.cut(node.inputs[0], 1, node.shape()[1], 1, "_foreground")
    score = node.emit("ReduceMax", [classes, node.constant("over", [1])], "_score", keepdims=0)
    label = node.cast(node.emit("ArgMax", [classes], "_class", axis=1, keepdims=0), node.dtype(), "_label")
    low = node.emit("Less", [score, node.scalar("threshold", node.number("threshold", 0.01))], "_low")
    return score, label, node.emit("Not", [low], "_valid")


def _located(node: Node, batch: int, count: int) -> str:
    """The anchors, moved and scaled by the predictions, as corners (batch, n, 4)."""
    parts = columns(node, node.reshape(node.inputs[1], (batch, count, 4), "_moves"), "move")
    variances = [node.scalar("variance", value) for value in node.numbers("variances", (0.1, 0.1, 0.2, 0.2))]
    moves = [node.emit("Mul", pair, "_scaled") for pair in zip(parts, variances, strict=True)]
    left, top, right, bottom = columns(node, node.inputs[2], "anchor")
    two, least, most = node.scalar("two", 2), [], []
    for move, scale, first, last in ((moves[0], moves[2], left, right), (moves[1], moves[3], top, bottom)):
        extent = node.emit("Sub", [last, first], "_extent")
        middle = node.emit("Div", [node.emit("Add", [first, last], "_sum"), two], "_middle")
        at = node.emit("Add", [node.emit("Mul", [move, extent], "_moved"), middle], "_at")
        size = node.emit("Mul", [node.emit("Exp", [scale], "_scale"), extent], "_size")
        reach = node.emit("Div", [size, two], "_reach")
        least.append(node.emit("Sub", [at, reach], "_least"))
        most.append(node.emit("Add", [at, reach], "_most"))
    boxes = joined(node, [*least, *most], "_boxes")
    if not node.flag("clip", True):
        return boxes
    return node.emit("Clip", [boxes, node.scalar("zero", 0), node.scalar("one", 1)], "_clipped")


def _order(node: Node, score: str, valid: str, by_score: bool) -> tuple[str, str]:
    """Which anchor each row has, and which rows have one: by score, but behind `nms_topk` as they come."""
    count = node.builder.shape(score)[1]
    everything = node.constant("all", [count])
    place = node.constant("place", np.arange(count).reshape(1, count))
    behind = node.constant("behind", np.arange(count, 2 * count).reshape(1, count))
    order = node.emit("Where", [valid, place, behind], "_order")
    first, index = node.builder.add("TopK", [order, everything], f"{node.name}_compact", 2, axis=1, largest=0)
    inside = node.emit("Less", [first, node.constant("limit", np.array(count))], "_inside")
    if not by_score:
        return index, inside
    masked = node.emit("Where", [valid, score, node.scalar("lowest", -np.inf)], "_masked")
    _, best = node.builder.add("TopK", [masked, everything], f"{node.name}_best", 2, axis=1)
    most = node.integer("nms_topk", -1)
    if most <= 0:
        return best, inside
    top = node.constant("top", (np.arange(count) < most).reshape(1, count))
    return node.emit("Where", [top, best, index], "_places"), inside


def _suppressed(node: Node, rows: str, inside: str, threshold: float) -> str:
    """`rows` with the class -1 where a better box overlaps by `threshold` or more, or `nms_topk` are before it."""
    batch, count, _ = node.builder.shape(rows)
    most = node.integer("nms_topk", -1)
    candidates = inside
    if most > 0:
        top = node.constant("top", (np.arange(count) < most).reshape(1, count))
        candidates = node.emit("And", [inside, top], "_candidates")
    label = column_of(node, rows, 0, "_class_of")
    classes = None if node.flag("force_suppress") else node.cast(label, np.int64, "_class_number")
    below = float(np.nextafter(np.float32(threshold), np.float32(0)))
    kept = survivors(node, column_of(node, rows, 2, "_coordinates", 4), candidates, classes, below)
    marked = node.emit("Where", [kept, label, node.scalar("none", -1)], "_marked")
    rest = column_of(node, rows, 1, "_rest", 5)
    return node.emit(
        "Concat", [node.reshape(marked, (batch, count, 1), "_marked_column"), rest], "_result", axis=2
    )
