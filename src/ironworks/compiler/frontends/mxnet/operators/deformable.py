"""Convolutions that look at places of their own choosing (deformable, and with a weight for each place)."""

from __future__ import annotations

from ironworks.compiler.frontends.mxnet.node import Node
from ironworks.compiler.frontends.mxnet.operators.table import operator

_LAYOUTS = {"layout": ("None", "NCHW")}


@operator("_contrib_ModulatedDeformableConvolution", only=_LAYOUTS)
def modulated_deformable_convolution(node: Node) -> str:
    """Data, offsets (y and x of each place of the kernel), a weight of each place, then weights and bias."""
    kernel = node.integers("kernel")
    ones = [1] * len(kernel)
    filters, groups = node.integer("num_filter"), node.integer("num_group", 1)
    weight = node.parameter(3, (filters, node.shape()[1] // groups, *kernel))
    bias = "" if node.flag("no_bias") else node.parameter(4, (filters,))
    return node.emit(
        "DeformConv",
        [node.inputs[0], weight, node.inputs[1], bias, node.inputs[2]],
        kernel_shape=kernel,
        strides=node.integers("stride", ones),
        dilations=node.integers("dilate", ones),
        pads=node.integers("pad", [0] * len(kernel)) * 2,
        group=groups,
        offset_group=node.integer("num_deformable_group", 1),
    )
