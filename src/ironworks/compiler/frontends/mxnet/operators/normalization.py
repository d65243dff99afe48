"""Normalization layers."""

from __future__ import annotations

from math import prod

import numpy as np

from ironworks.compiler.frontends.mxnet.node import Node
from ironworks.compiler.frontends.mxnet.operators.table import operator

_ONE_OUTPUT = {"output_mean_var": ("False", "0")}


@operator(
    *("BatchNorm", "BatchNorm_v1", "CuDNNBatchNorm", "_contrib_SyncBatchNorm"), trained=True, only=_ONE_OUTPUT
)
def batch_norm(node: Node) -> str:
    axis = node.axis("axis", 1)
    channels = node.shape()[axis]
    gamma, beta, mean, variance = (node.parameter(position, (channels,)) for position in range(1, 5))
    if node.flag("fix_gamma", True):  # gamma then counts as 1, whatever the file holds
        gamma = node.constant("gamma", np.ones(channels, node.dtype(1)))
    epsilon = node.number("eps", 1e-3)
    if axis == 1:
        return node.emit("BatchNormalization", [node.inputs[0], gamma, beta, mean, variance], epsilon=epsilon)
    order = [position for position in range(len(node.shape())) if position != axis]
    order.insert(1, axis)
    moved = node.emit("Transpose", [node.inputs[0]], "_moved", perm=order)
    normal = node.emit("BatchNormalization", [moved, gamma, beta, mean, variance], "_normal", epsilon=epsilon)
    return node.emit("Transpose", [normal], perm=np.argsort(order).tolist())


@operator("LayerNorm", trained=True, only=_ONE_OUTPUT)
def layer_norm(node: Node) -> str:
    axis, shape = node.axis("axis", -1), node.shape()
    gamma, beta = (node.parameter(position, (shape[axis],)) for position in (1, 2))
    epsilon = node.number("eps", 1e-5)
    if axis == len(shape) - 1:
        return node.emit("LayerNormalization", [node.inputs[0], gamma, beta], axis=-1, epsilon=epsilon)
    order = [position for position in range(len(shape)) if position != axis] + [axis]
    moved = node.emit("Transpose", [node.inputs[0]], "_moved", perm=order)
    normal = node.emit("LayerNormalization", [moved, gamma, beta], "_normal", axis=-1, epsilon=epsilon)
    return node.emit("Transpose", [normal], perm=np.argsort(order).tolist())


@operator("InstanceNorm", trained=True)
def instance_norm(node: Node) -> str:
    channels = node.shape()[1]
    parameters = [node.parameter(position, (channels,)) for position in (1, 2)]
    return node.emit("InstanceNormalization", [node.inputs[0], *parameters], epsilon=node.number("eps", 1e-3))


@operator("GroupNorm", trained=True, only=_ONE_OUTPUT)
def group_norm(node: Node) -> str:
    """Normalized over each group of channels; scale and shift are one a group."""
    shape, groups = node.shape(), node.integer("num_groups", 1)
    rows = node.reshape(node.inputs[0], (shape[0], groups, prod(shape[1:]) // groups), "_groups")
    parameters = [node.parameter(position, (groups,)) for position in (1, 2)]
    epsilon = node.number("eps", 1e-5)
    return node.reshape(
        node.emit("InstanceNormalization", [rows, *parameters], "_normal", epsilon=epsilon), shape
    )


@operator("L2Normalization")
def l2_normalization(node: Node) -> str:
    rank, mode = len(node.shape()), node.text("mode", "instance")
    axes = {"instance": list(range(1, rank)), "channel": [1], "spatial": list(range(2, rank))}[mode]
    square = node.emit("Mul", [node.inputs[0]] * 2, "_square")
    total = node.emit("ReduceSum", [square, node.constant("axes", axes)], "_total", keepdims=1)
    safe = node.emit("Add", [total, node.scalar("eps", node.number("eps", 1e-10))], "_safe")
    return node.emit("Div", [node.inputs[0], node.emit("Sqrt", [safe], "_norm")])


@operator("LRN", inputs=1)
def local_response_normalization(node: Node) -> str:
    return node.emit(
        "LRN",
        node.inputs,
        alpha=node.number("alpha", 1e-4),
        beta=node.number("beta", 0.75),
        bias=node.number("knorm", 2),
        size=node.integer("nsize"),
    )
