"""Operators that make images larger or smaller."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ironworks.compiler.frontends.mxnet.node import Node, UnsupportedVariant
from ironworks.compiler.frontends.mxnet.operators.table import operator


@operator("UpSampling")
def up_sampling(node: Node) -> str:
    if node.text("sample_type", "nearest") == "bilinear":
        return _bilinear_up_sampling(node)
    height = node.shape()[2] * node.integer("scale")
    enlarged = [_nearest(node, position, height) for position in range(len(node.inputs))]
    if len(enlarged) == 1:
        return enlarged[0]
    if node.text("multi_input_mode", "concat") == "sum":
        return node.emit("Sum", enlarged, "_sum")
    return node.emit("Concat", enlarged, "_joined", axis=1)


def _nearest(node: Node, position: int, height: int) -> str:
    """The input at `position`, enlarged by the whole number that makes it `height` rows high."""
    factor = height // node.shape(position)[2]
    scales = node.constant("scales", np.array([1, 1, factor, factor], np.float32))
    return node.emit(
        "Resize",
        [node.inputs[position], "", scales],
        f"_{position}" if len(node.inputs) > 1 else "",
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


def _bilinear_up_sampling(node: Node) -> str:
    """A transposed convolution of each channel with the weights of the second input (`upsampling-inl.h`)."""
    scale, channels = node.integer("scale"), node.shape()[1]
    kernel, pad = 2 * scale - scale % 2, scale // 2
    if node.integer("num_filter", channels) != channels:
        raise UnsupportedVariant("num_filter is not the number of channels")
    weight = node.parameter(1, (channels, 1, kernel, kernel))
    return node.emit(
        "ConvTranspose",
        [node.inputs[0], weight],
        kernel_shape=[kernel] * 2,
        strides=[scale] * 2,
        pads=[pad] * 4,
        group=channels,
    )


@operator("_contrib_BilinearResize2D")
def bilinear_resize(node: Node) -> str:
    batch, channels, *size = node.shape()
    wanted = _wanted(node, size)
    corners = node.flag("align_corners", True)
    return node.emit(
        "Resize",
        [node.inputs[0], "", "", node.constant("sizes", [batch, channels, *wanted])],
        mode="linear",
        coordinate_transformation_mode="align_corners" if corners else "half_pixel",
    )


def _wanted(node: Node, size: Sequence[int]) -> list[int]:
    """Height and width after the resize (`BilinearSampleOpInferShape`)."""
    mode = node.text("mode", "size")
    if mode == "like":
        return list(node.shape(1)[2:])
    scales = [
        node.number(f"scale_{side}", 1) if node.given(f"scale_{side}") else None
        for side in ("height", "width")
    ]
    if mode == "odd_scale":
        factors = [scale or 1 for scale in scales]
        return [
            int(extent * factor) if extent % 2 == 0 else int((extent - 1) * factor) + 1
            for extent, factor in zip(size, factors, strict=True)
        ]
    if mode == "size":
        fixed = [node.integer("height", 1), node.integer("width", 1)]
        return [
            int(extent * scale) if scale else target
            for extent, scale, target in zip(size, scales, fixed, strict=True)
        ]
    odd, step = "odd" in mode, 1 if mode.endswith("up") else -1
    return [extent if (extent % 2 == 1) is odd else extent + step for extent in size]


@operator("_contrib_AdaptiveAvgPooling2D")
def adaptive_average_pooling(node: Node) -> str:
    """Means over as many windows of nearly equal size as are asked for."""
    height, width = node.shape()[2:]
    wanted = node.integers("output_size", (1,))
    rows, columns = wanted if len(wanted) == 2 else wanted * 2
    if (rows, columns) == (1, 1):
        return node.emit("GlobalAveragePool", node.inputs)
    if height % rows == 0 and width % columns == 0:
        window = [height // rows, width // columns]
        return node.emit("AveragePool", node.inputs, kernel_shape=window, strides=window)
    dtype = node.dtype()
    down = node.constant("rows", _windows(height, rows).astype(dtype))
    across = node.constant("columns", _windows(width, columns).T.astype(dtype))
    return node.emit("MatMul", [node.emit("MatMul", [down, node.inputs[0]], "_rows"), across])


def _windows(size: int, count: int) -> NDArray[np.float64]:
    """A matrix (count, size) that takes means: window i is from ⌊i·size/count⌋ to ⌈(i+1)·size/count⌉."""
    means = np.zeros((count, size))
    for index in range(count):
        start, end = index * size // count, -(-(index + 1) * size // count)
        means[index, start:end] = 1 / (end - start)
    return means
