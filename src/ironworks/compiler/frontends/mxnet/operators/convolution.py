"""Convolution, deconvolution and pooling."""

from __future__ import annotations

from math import ceil, prod
from typing import Any

import numpy as np

from ironworks.compiler.frontends.mxnet.node import Node, UnsupportedVariant
from ironworks.compiler.frontends.mxnet.operators.table import operator
from ironworks.compiler.graph import ShapeConflict

_CHANNELS_FIRST = ("None", "NCW", "NCHW", "NCDHW")


@operator("Convolution", "Convolution_v1", trained=True, only={"layout": _CHANNELS_FIRST})
def convolution(node: Node) -> str:
    kernel = node.integers("kernel")
    ones = [1] * len(kernel)
    filters, groups = node.integer("num_filter"), node.integer("num_group", 1)
    channels = _channels(node, len(kernel), groups)
    inputs = [node.inputs[0], node.parameter(1, (filters, channels // groups, *kernel))]
    if not node.flag("no_bias"):
        inputs.append(node.parameter(2, (filters,)))
    return node.emit(
        "Conv",
        inputs,
        kernel_shape=kernel,
        strides=node.integers("stride", ones),
        dilations=node.integers("dilate", ones),
        pads=node.integers("pad", [0] * len(kernel)) * 2,
        group=groups,
    )


@operator("Deconvolution", trained=True, only={"layout": _CHANNELS_FIRST})
def deconvolution(node: Node) -> str:
    kernel = node.integers("kernel")
    ones, zeros = [1] * len(kernel), [0] * len(kernel)
    filters, groups = node.integer("num_filter"), node.integer("num_group", 1)
    channels = _channels(node, len(kernel), groups)
    strides, dilations = node.integers("stride", ones), node.integers("dilate", ones)
    pads, extra = node.integers("pad", zeros), node.integers("adj", zeros)
    target = node.integers("target_shape")
    if any(target):
        pads, extra = _fit_target(node, target, kernel, strides, dilations)
    inputs = [node.inputs[0], node.parameter(1, (channels, filters // groups, *kernel))]
    if not node.flag("no_bias", True):
        inputs.append(node.parameter(2, (filters,)))
    return node.emit(
        "ConvTranspose",
        inputs,
        kernel_shape=kernel,
        strides=strides,
        dilations=dilations,
        pads=pads * 2,
        output_padding=extra,
        group=groups,
    )


@operator(
    "Pooling",
    "Pooling_v1",
    only={
        "layout": _CHANNELS_FIRST,
        "pool_type": ("max", "avg", "sum"),
        "pooling_convention": ("valid", "full"),
    },
)
def pooling(node: Node) -> str:
    kind = node.text("pool_type", "max")
    size = node.shape()[2:]
    if node.flag("global_pool"):
        return _global_pooling(node, kind, prod(size))
    kernel = node.integers("kernel")
    _channels(node, len(kernel), 1)
    strides = node.integers("stride", [1] * len(kernel))
    pads = node.integers("pad", [0] * len(kernel))
    beyond = _beyond(node, size, kernel, strides, pads)
    ends = [pad + over for pad, over in zip(pads, beyond, strict=True)]
    window: dict[str, Any] = {"kernel_shape": kernel, "strides": strides, "pads": pads + ends}
    if kind == "max":
        return node.emit("MaxPool", node.inputs[:1], **window)
    if kind == "avg" and not node.flag("count_include_pad", True):
        return node.emit("AveragePool", node.inputs[:1], **window)
    mean = node.emit("AveragePool", node.inputs[:1], count_include_pad=1, **window)
    if kind == "sum":
        return node.emit("Mul", [mean, node.scalar("area", prod(kernel))])
    if any(beyond):
        return node.emit("Mul", [mean, _recount(node, size, kernel, strides, pads, beyond)])
    return mean


def _channels(node: Node, dimensions: int, groups: int) -> int:
    """Channels of the first input, which must have `dimensions` after them and be divisible into `groups`."""
    shape = node.shape()
    if len(shape) != dimensions + 2:
        raise ShapeConflict(
            f"its kernel has {dimensions} dimensions, so the input must have {dimensions + 2} (batch, channels, …)"
        )
    if shape[1] % groups:
        raise ShapeConflict(f"{shape[1]} channels cannot be divided into {groups} groups")
    return shape[1]


def _fit_target(
    node: Node, target: list[int], kernel: list[int], strides: list[int], dilations: list[int]
) -> tuple[list[int], list[int]]:
    """Pads and output padding that make the output `target` (`DeconvolutionParam::InferPad`)."""
    surplus = [
        stride * (size - 1) + dilation * (extent - 1) + 1 - wanted
        for size, wanted, extent, stride, dilation in zip(
            node.shape()[2:], target, kernel, strides, dilations, strict=True
        )
    ]
    if min(surplus) < 0:
        raise ShapeConflict(f"its target_shape {target} is larger than the output can be")
    return [(excess + 1) // 2 for excess in surplus], [excess % 2 for excess in surplus]


def _global_pooling(node: Node, kind: str, area: int) -> str:
    if kind == "max":
        return node.emit("GlobalMaxPool", node.inputs[:1])
    mean = node.emit("GlobalAveragePool", node.inputs[:1])
    return mean if kind == "avg" else node.emit("Mul", [mean, node.scalar("area", area)])


def _beyond(
    node: Node, size: tuple[int, ...], kernel: list[int], strides: list[int], pads: list[int]
) -> list[int]:
    """How far the last window reaches over the padded input: `full` rounds up, `valid` (the default) down."""
    convention = node.text("pooling_convention", "valid")
    beyond = []
    for extent, window, stride, pad in zip(size, kernel, strides, pads, strict=True):
        room = extent + 2 * pad - window
        if room < 0:
            raise ShapeConflict(f"its kernel {kernel} is larger than the padded input")
        over = ceil(room / stride) * stride - room if convention == "full" else 0
        if over and pad + over >= window:
            raise UnsupportedVariant(
                f"with stride {strides} and the pooling_convention full its last window lies outside the input"
            )
        beyond.append(over)
    return beyond


def _recount(
    node: Node,
    size: tuple[int, ...],
    kernel: list[int],
    strides: list[int],
    pads: list[int],
    beyond: list[int],
) -> str:
    """What corrects a mean over whole windows where MXNet divides by the part within the padded input."""
    factors = np.ones(())
    for extent, window, stride, pad, over in zip(size, kernel, strides, pads, beyond, strict=True):
        starts = np.arange(0, extent + 2 * pad + over - window + 1, stride)
        inside = np.minimum(starts + window, extent + 2 * pad) - starts
        factors = np.multiply.outer(factors, window / inside)
    return node.constant("recount", factors[None, None].astype(node.dtype()))
