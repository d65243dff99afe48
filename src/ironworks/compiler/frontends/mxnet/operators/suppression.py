"""Non-maximum suppression, with the result in MXNet's layout: as many rows as went in, those left over -1.

Source: `BoxNMSForward` in `src/operator/contrib/bounding_box-inl.h` of Apache MXNet 1.9.1.
"""

from __future__ import annotations

from math import prod

import numpy as np

from ironworks.compiler.frontends.mxnet.node import Node, UnsupportedVariant
from ironworks.compiler.frontends.mxnet.operators.boxes import centers_of, columns, corners_of, joined
from ironworks.compiler.frontends.mxnet.operators.table import operator


def survivors(node: Node, boxes: str, valid: str, classes: str | None, threshold: float) -> str:
    """Which of `boxes` (batch, n, 4: corners, the best first) no better one suppresses, as truths (batch, n).

    A box suppresses another if their intersection over union is more than `threshold` and, where `classes`
    (batch, n) are given, both are of the same one. Those that are not `valid` (batch, n) take no part.
    """
    batch, count, _ = node.builder.shape(boxes)
    ranks = node.constant("ranks", np.arange(count, 0, -1, dtype=np.float32).reshape(1, count))
    scores = node.emit("Where", [valid, ranks, node.constant("out", np.array(-1, np.float32))], "_ranked")
    each = node.reshape(scores, (batch, 1, count), "_each")
    if classes is not None:
        present = node.emit("Unique", [node.reshape(classes, (batch * count,), "_all")], "_present")
        column = node.emit("Unsqueeze", [present, node.constant("class_axes", [0, 2])], "_classes")
        same = node.emit("Equal", [node.reshape(classes, (batch, 1, count), "_class"), column], "_same")
        each = node.emit("Where", [same, each, node.constant("other", np.array(-1, np.float32))], "_by_class")
    limits = [
        node.constant("most", np.array([count])),
        node.constant("overlap", np.array([min(threshold, 1)], np.float32)),
        node.constant("least_rank", np.array([0], np.float32)),
    ]
    chosen = node.emit("NonMaxSuppression", [_upright(node, boxes), each, *limits], "_chosen")
    places = node.emit("Gather", [chosen, node.constant("which", np.array([0, 2]))], "_places", axis=1)
    number = node.emit(
        "Gather", [node.emit("Shape", [chosen], "_size"), node.constant("rows", [0])], "_number"
    )
    marks = node.emit("Expand", [node.constant("mark", np.array([True])), number], "_marks")
    nothing = node.constant("nothing", np.zeros((batch, count), bool))
    return node.emit("ScatterND", [nothing, places, marks], "_kept")


def _upright(node: Node, boxes: str) -> str:
    """Boxes of negative width or height without extent: they overlap nothing, where ONNX would turn them around."""
    boxes = node.cast(boxes, np.float32, "_boxes32")
    left, top, right, bottom = columns(node, boxes, "upright")
    right, bottom = (node.emit("Max", [low, high], "_end") for low, high in ((left, right), (top, bottom)))
    return joined(node, [left, top, right, bottom], "_upright")


def rows_at(node: Node, rows: str, places: str, name: str) -> str:
    """The `rows` (batch, n, width) at `places` (batch, k) of each batch."""
    batch, count = node.builder.shape(places)
    return node.emit(
        "GatherND", [rows, node.reshape(places, (batch, count, 1), f"{name}_index")], name, batch_dims=1
    )


def column_of(node: Node, rows: str, index: int, name: str, width: int = 1) -> str:
    """`width` columns of `rows` (batch, n, …) from `index` on; a single one as (batch, n)."""
    batch, count, _ = node.builder.shape(rows)
    cut = node.cut(rows, index, index + width, 2, name)
    return cut if width > 1 else node.reshape(cut, (batch, count), f"{name}_flat")


@operator("_contrib_box_nms", "_contrib_box_non_maximum_suppression")
def box_nms(node: Node) -> str:
    shape, threshold = node.shape(), node.number("overlap_thresh", 0.5)
    batch, count, width = prod(shape[:-2]), *shape[-2:]
    if threshold < 0:
        raise UnsupportedVariant("overlap_thresh is negative")
    wanted = node.integer("topk", -1)
    if wanted == 0:
        return node.inputs[0]
    rows = node.reshape(node.inputs[0], (batch, count, width), "_rows")
    candidates, valid = _candidates(node, rows, count if wanted < 0 else min(wanted, count))
    start, class_index = node.integer("coord_start", 2), node.integer("id_index", -1)
    boxes = column_of(node, candidates, start, "_coordinates", 4)
    if node.text("in_format", "corner") == "center":
        boxes = corners_of(node, boxes, "candidates")
    classes = None
    if class_index >= 0 and not node.flag("force_suppress"):
        classes = node.cast(column_of(node, candidates, class_index, "_id"), np.int64, "_class_id")
    kept = survivors(node, boxes, valid, classes, threshold)
    return node.reshape(_arranged(node, _compact(node, candidates, kept), count), shape)


def _candidates(node: Node, rows: str, most: int) -> tuple[str, str]:
    """The `most` rows of the highest score, in order, and which of them are valid (batch, most)."""
    score = column_of(node, rows, node.integer("score_index", 1), "_score")
    valid = node.emit(
        "Greater", [score, node.scalar("least_score", node.number("valid_thresh", 0))], "_valid"
    )
    index, background = node.integer("id_index", -1), node.integer("background_id", -1)
    if index >= 0:  # rows of the class -1 take no part where no background is named
        other = node.emit(
            "Equal", [column_of(node, rows, index, "_label"), node.scalar("background", background)]
        )
        valid = node.emit("And", [valid, node.emit("Not", [other], "_foreground")], "_useful")
    masked = node.emit("Where", [valid, score, node.scalar("lowest", -np.inf)], "_masked")
    values, places = node.builder.add(
        "TopK", [masked, node.constant("count", [most])], f"{node.name}_best", outputs=2, axis=1
    )
    taken = node.emit("Greater", [values, node.scalar("lowest", -np.inf)], "_taken")
    return rows_at(node, rows, places, "_candidates"), taken


def _compact(node: Node, rows: str, kept: str) -> str:
    """The `kept` rows first, in their order; the others -1."""
    count = node.builder.shape(rows)[1]
    places = node.constant("place", np.arange(count).reshape(1, count))
    behind = node.constant("behind", np.arange(count, 2 * count).reshape(1, count))
    order = node.emit("Where", [kept, places, behind], "_order")
    first, index = node.builder.add(
        "TopK", [order, node.constant("all", [count])], f"{node.name}_compact", outputs=2, axis=1, largest=0
    )
    inside = node.emit("Less", [first, node.constant("limit", np.array(count))], "_inside")
    column = node.reshape(inside, (*node.builder.shape(inside), 1), "_inside_row")
    return node.emit(
        "Where", [column, rows_at(node, rows, index, "_compacted"), node.scalar("none", -1)], "_left"
    )


def _arranged(node: Node, rows: str, count: int) -> str:
    """`rows` in the output's format of boxes, filled up with -1 to `count`."""
    batch, present, width = node.builder.shape(rows)
    if node.text("in_format", "corner") != node.text("out_format", "corner"):
        rows = _reformatted(node, rows)
    if present == count:
        return rows
    rest = node.constant("rest", np.full((batch, count - present, width), -1, node.dtype()))
    return node.emit("Concat", [rows, rest], "_filled", axis=1)


def _reformatted(node: Node, rows: str) -> str:
    """`rows` with corners instead of centers, or the reverse.

    MXNet leaves a box as it is whose first number is negative, as it is in rows without a box.
    """
    start = node.integer("coord_start", 2)
    sizes = [size for size in (start, 4, node.builder.shape(rows)[2] - start - 4) if size]
    lengths = node.constant("sizes", sizes)
    parts = node.builder.add("Split", [rows, lengths], f"{node.name}_parts", outputs=len(sizes), axis=2)
    position = 1 if start else 0
    boxes = parts[position]
    turn = corners_of if node.text("out_format", "corner") == "corner" else centers_of
    empty = node.emit("Less", [columns(node, boxes, "result_side")[0], node.scalar("zero", 0)], "_empty")
    parts[position] = node.emit("Where", [empty, boxes, turn(node, boxes, "result")], "_turned")
    return node.emit("Concat", parts, "_formatted", axis=2)
