"""Pooling of regions (batch number, left, top, right, bottom) of feature maps."""

from __future__ import annotations

import numpy as np

from ironworks.compiler.frontends.mxnet.node import Node
from ironworks.compiler.frontends.mxnet.operators.table import operator

_FAR_OUTSIDE = -1e6
"""Where a region has no sample within any image, so that it is 0."""


@operator("_contrib_ROIAlign", only={"position_sensitive": ("False", "0")})
def roi_align(node: Node) -> str:
    """Means of bilinear samples. A region with a negative batch number answers zeros."""
    rows, columns = node.integers("pooled_size") * (1 if len(node.integers("pooled_size")) == 2 else 2)
    count = node.shape(1)[0]
    numbers, boxes = node.builder.add(
        "Split", [node.inputs[1], node.constant("sizes", [1, 4])], f"{node.name}_regions", outputs=2, axis=1
    )
    numbers = node.cast(node.reshape(numbers, (count,), "_number"), np.int64, "_whole")
    zero = node.constant("first", np.array(0))
    absent = node.emit("Less", [numbers, zero], "_absent")
    outside = node.scalar("outside", _FAR_OUTSIDE)
    boxes = node.emit("Where", [node.reshape(absent, (count, 1), "_absent_row"), outside, boxes], "_boxes")
    return node.emit(
        "RoiAlign",
        [node.inputs[0], boxes, node.emit("Max", [numbers, zero], "_batch")],
        mode="avg",
        output_height=rows,
        output_width=columns,
        sampling_ratio=max(node.integer("sample_ratio", -1), 0),
        spatial_scale=node.number("spatial_scale", 1),
        coordinate_transformation_mode="half_pixel" if node.flag("aligned") else "output_half_pixel",
    )


@operator("ROIPooling")
def roi_pooling(node: Node) -> str:
    size = node.integers("pooled_size")
    return node.emit(
        "MaxRoiPool",
        node.inputs,
        pooled_shape=size if len(size) == 2 else size * 2,
        spatial_scale=node.number("spatial_scale", 1),
    )
