"""Arrays that depend on attributes and shapes only. Every shape is known, so they become constants."""

from __future__ import annotations

from math import ceil, prod
from typing import Any

import numpy as np

from ironworks.compiler.frontends.mxnet.node import Node, widened
from ironworks.compiler.frontends.mxnet.operators.table import operator


def _dtype(node: Node) -> np.dtype[Any]:
    return widened(np.dtype(node.text("dtype", "float32")))


def _shape(node: Node) -> list[int]:
    """The shape asked for; a size that the symbol leaves open (0) is 1 and broadcasts."""
    return [size or 1 for size in node.integers("shape", (1,))]


@operator("_zeros", "_ones", "_full")
def filled(node: Node) -> str:
    value = {"_zeros": 0.0, "_ones": 1.0}.get(node.operator, node.number("value", 0))
    return node.constant("value", np.full(_shape(node), value, _dtype(node)))


@operator("zeros_like")
def zeros_like(node: Node) -> str:
    return node.constant("zeros", np.zeros(node.shape(), node.dtype()))


@operator("ones_like")
def ones_like(node: Node) -> str:
    return node.constant("ones", np.ones(node.shape(), node.dtype()))


@operator("_arange", only={"infer_range": ("False", "0")})
def arange(node: Node) -> str:
    first, step = node.number("start", 0), node.number("step", 1)
    last = node.number("stop", 0) if node.given("stop") else None
    if last is None:
        first, last = 0.0, first
    steps = np.arange(max(ceil((last - first) / step), 0))
    return node.constant(
        "range", np.repeat(first + step * steps, node.integer("repeat", 1)).astype(_dtype(node))
    )


@operator("_contrib_arange_like")
def arange_like(node: Node) -> str:
    """As many numbers as the input has along an axis, or, without one, in its shape."""
    shape = [node.shape()[node.axis("axis", 0)]] if node.given("axis") else list(node.shape())
    steps = np.arange(prod(shape)) // node.integer("repeat", 1)
    numbers = node.number("start", 0) + node.number("step", 1) * steps
    return node.constant("range", numbers.reshape(shape).astype(node.dtype()))


@operator("shape_array")
def shape_array(node: Node) -> str:
    return node.constant("shape_of", np.array(node.shape(), np.int64))


@operator("size_array")
def size_array(node: Node) -> str:
    return node.constant("size_of", np.array([prod(node.shape())], np.int64))
