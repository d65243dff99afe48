"""Operators that put elements in order: the largest, the sorted, their positions."""

from __future__ import annotations

from math import prod

import numpy as np

from ironworks.compiler.frontends.mxnet.node import Node, widened
from ironworks.compiler.frontends.mxnet.operators.table import operator


def _along(node: Node, default: str) -> tuple[str, int]:
    """The data and the axis to look along: without an axis, all elements in a row."""
    if node.text("axis", default) == "None":
        return node.reshape(node.inputs[0], (prod(node.shape()),), "_flat"), 0
    return node.inputs[0], node.axis("axis", int(default) if default != "None" else 0)


def _ranked(node: Node, count: int, ascending: bool) -> tuple[str, str, str, int]:
    """The first `count` values and their positions (all of them if it is 0), the data and the axis."""
    data, axis = _along(node, "-1")
    size = node.builder.shape(data)[axis]
    wanted = node.constant("count", [min(count, size) if count > 0 else size])
    values, places = node.builder.add(
        "TopK",
        [data, wanted],
        f"{node.name}_ranked",
        outputs=2,
        axis=axis,
        largest=int(not ascending),
        sorted=1,
    )
    return values, places, data, axis


@operator("topk")
def topk(node: Node) -> str | list[str]:
    values, places, data, axis = _ranked(node, node.integer("k", 1), node.flag("is_ascend"))
    kind = node.text("ret_typ", "indices")
    if kind == "value":
        return values
    if kind == "mask":
        zeros = node.constant("zeros", np.zeros(node.builder.shape(data), node.dtype()))
        ones = node.constant("ones", np.ones(node.builder.shape(places), node.dtype()))
        marked = node.emit("ScatterElements", [zeros, places, ones], "_marked", axis=axis)
        return node.reshape(marked, node.shape())
    numbers = node.cast(places, widened(np.dtype(node.text("dtype", "float32"))), "_places")
    return numbers if kind == "indices" else [values, numbers]


@operator("argsort")
def argsort(node: Node) -> str:
    _, places, _, _ = _ranked(node, 0, node.flag("is_ascend", True))
    return node.cast(places, widened(np.dtype(node.text("dtype", "float32"))), "_places")


@operator("sort")
def sort(node: Node) -> str:
    return _ranked(node, 0, node.flag("is_ascend", True))[0]


@operator("argmax", "argmin")
def arg_extreme(node: Node) -> str:
    data, axis = _along(node, "None")
    whole = not node.given("axis")
    target = {"argmax": "ArgMax", "argmin": "ArgMin"}[node.operator]
    place = node.emit(target, [data], "_place", axis=axis, keepdims=int(whole or node.flag("keepdims")))
    place = node.cast(place, node.dtype(), "_number")
    # MXNet 1.x has no arrays of rank 0.
    shape = [1] * len(node.shape()) if whole and node.flag("keepdims") else node.builder.shape(place) or [1]
    return node.reshape(place, shape)


@operator("argmax_channel")
def argmax_channel(node: Node) -> str:
    return node.cast(node.emit("ArgMax", node.inputs, "_place", axis=1, keepdims=0), node.dtype())
