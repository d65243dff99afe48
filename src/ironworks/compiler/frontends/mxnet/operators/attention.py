"""Attention whose queries, keys and values lie interleaved in one array, as GluonNLP's transformers keep them.

An array of `parts` projections (queries, keys, values) is (length, batch, heads · parts · size), the parts of a
head one after the other. Source: `src/operator/contrib/transformer.cc` of Apache MXNet 1.9.1.
"""

from __future__ import annotations

import numpy as np

from ironworks.compiler.frontends.mxnet.node import Node
from ironworks.compiler.frontends.mxnet.operators.table import operator


def _part(node: Node, position: int, part: int, parts: int) -> str:
    """Projection number `part` of the input at `position`: (batch · heads, length, size)."""
    heads = node.integer("heads")
    length, batch, width = node.shape(position)
    size = width // (heads * parts)
    apart = node.reshape(node.inputs[position], (length, batch, heads, parts, size), f"_apart{part}")
    one = node.emit("Gather", [apart, node.constant("part", np.array(part))], f"_part{part}", axis=3)
    moved = node.emit("Transpose", [one], f"_moved{part}", perm=[1, 2, 0, 3])
    return node.reshape(moved, (batch * heads, length, size), f"_heads{part}")


def _scores(node: Node, queries: str, keys: str) -> str:
    size = node.builder.shape(queries)[-1]
    scaled = node.emit("Mul", [queries, node.scalar("scale", size**-0.5)], "_scaled")
    turned = node.emit("Transpose", [keys], "_turned", perm=[0, 2, 1])
    return node.emit("MatMul", [scaled, turned])


def _context(node: Node, values: str) -> str:
    """Values weighted by the attention (batch · heads, queries, keys): (queries, batch, heads · size)."""
    heads = node.integer("heads")
    weighted = node.emit("MatMul", [node.inputs[1], values], "_weighted")
    rows, length, size = node.builder.shape(weighted)
    apart = node.reshape(weighted, (rows // heads, heads, length, size), "_batch")
    first = node.emit("Transpose", [apart], "_first", perm=[2, 0, 1, 3])
    return node.reshape(first, (length, rows // heads, heads * size))


@operator("_contrib_interleaved_matmul_selfatt_qk")
def self_attention_scores(node: Node) -> str:
    return _scores(node, _part(node, 0, 0, 3), _part(node, 0, 1, 3))


@operator("_contrib_interleaved_matmul_selfatt_valatt")
def self_attention_context(node: Node) -> str:
    return _context(node, _part(node, 0, 2, 3))


@operator("_contrib_interleaved_matmul_encdec_qk")
def cross_attention_scores(node: Node) -> str:
    heads = node.integer("heads")
    length, batch, width = node.shape()
    apart = node.reshape(node.inputs[0], (length, batch, heads, width // heads), "_queries")
    moved = node.emit("Transpose", [apart], "_moved", perm=[1, 2, 0, 3])
    queries = node.reshape(moved, (batch * heads, length, width // heads), "_heads")
    return _scores(node, queries, _part(node, 1, 0, 2))


@operator("_contrib_interleaved_matmul_encdec_valatt")
def cross_attention_context(node: Node) -> str:
    return _context(node, _part(node, 0, 1, 2))


@operator("_contrib_div_sqrt_dim")
def divided_by_root_of_size(node: Node) -> str:
    return node.emit("Div", [node.inputs[0], node.scalar("root", node.shape()[-1] ** 0.5)])
