"""Operators that change the shape or the place of elements. Every shape is known, so each target is computed here."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from ironworks.compiler.frontends.mxnet.node import Node, UnsupportedVariant
from ironworks.compiler.frontends.mxnet.operators.table import operator
from ironworks.compiler.graph import ShapeConflict


@operator("Flatten", "flatten")
def flatten(node: Node) -> str:
    shape = node.shape()
    return node.reshape(node.inputs[0], (shape[0], prod(shape[1:])))


@operator("Reshape", "reshape")
def reshape(node: Node) -> str:
    shape, codes = node.shape(), node.integers("shape") or node.integers("target_shape")
    if node.flag("reverse"):
        target = reshaped(shape[::-1], codes[::-1])[::-1]
    else:
        target = reshaped(shape, codes)
    if prod(target) != prod(shape):
        raise ShapeConflict(
            f"its target shape {target} has {prod(target)} elements, the input has {prod(shape)}"
        )
    return node.reshape(node.inputs[0], target)


def reshaped(shape: Sequence[int], codes: Sequence[int]) -> list[int]:
    """The shape that MXNet's reshape `codes` make of `shape`.

    0 keeps a dimension, -1 is what is left, -2 keeps all the rest, -3 joins two, -4 splits one into the two
    codes that follow.
    """
    target: list[int] = []
    source, position = list(shape), 0
    while position < len(codes):
        code = codes[position]
        if code == 0:
            target.append(source.pop(0))
        elif code == -2:
            target += source
            source = []
        elif code == -3:
            target.append(source.pop(0) * source.pop(0))
        elif code == -4:
            first, second = codes[position + 1 : position + 3]
            whole = source.pop(0)
            target += [whole // second if first == -1 else first, whole // first if second == -1 else second]
            position += 2
        else:
            target.append(code)
            del source[:1]
        position += 1
    if -1 in target:
        known = prod(dimension for dimension in target if dimension != -1)
        target[target.index(-1)] = prod(shape) // known
    return target


@operator("transpose")
def transpose(node: Node) -> str:
    reverse = list(range(len(node.shape())))[::-1]
    return node.emit("Transpose", node.inputs, perm=node.integers("axes", reverse))


@operator("SwapAxis", "swapaxes")
def swap_axis(node: Node) -> str:
    order = list(range(len(node.shape())))
    first, second = node.axis("dim1", 0), node.axis("dim2", 0)
    order[first], order[second] = second, first
    return node.emit("Transpose", node.inputs, perm=order)


@operator("expand_dims")
def expand_dims(node: Node) -> str:
    shape, axis = list(node.shape()), node.integer("axis")
    shape.insert(axis if axis >= 0 else len(shape) + 1 + axis, 1)
    return node.reshape(node.inputs[0], shape)


@operator("squeeze")
def squeeze(node: Node) -> str:
    shape = node.shape()
    given = [axis % len(shape) for axis in node.integers("axis")]
    axes = given or [axis for axis, size in enumerate(shape) if size == 1]
    if any(shape[axis] != 1 for axis in axes):
        raise ShapeConflict(f"the axes {axes} do not all have one element")
    return node.reshape(node.inputs[0], [size for axis, size in enumerate(shape) if axis not in axes] or [1])


@operator("Concat", "concat")
def concat(node: Node) -> str:
    return node.emit("Concat", node.inputs, axis=node.axis("dim", 1))


@operator("stack")
def stack(node: Node) -> str:
    shape, axis = list(node.shape()), node.integer("axis", 0)
    axis = axis if axis >= 0 else len(shape) + 1 + axis
    shape.insert(axis, 1)
    layers = [node.reshape(tensor, shape, f"_{index}") for index, tensor in enumerate(node.inputs)]
    return node.emit("Concat", layers, axis=axis)


@operator("SliceChannel", "split")
def split(node: Node) -> list[str]:
    axis, parts = node.axis("axis", 1), node.integer("num_outputs")
    shape = list(node.shape())
    if shape[axis] % parts:
        raise ShapeConflict(f"axis {axis} cannot be divided into {parts} equal parts")
    if parts == 1:
        return [node.inputs[0]]
    tensors = node.builder.add("Split", node.inputs, node.name, outputs=parts, axis=axis, num_outputs=parts)
    if not node.flag("squeeze_axis"):
        return tensors
    del shape[axis]
    return [node.reshape(tensor, shape, f"_squeezed{index}") for index, tensor in enumerate(tensors)]


@operator("tile")
def tile(node: Node) -> str:
    repeats, rank = node.integers("reps"), len(node.shape())
    rank = max(rank, len(repeats))
    data = node.reshape(node.inputs[0], [1] * (rank - len(node.shape())) + list(node.shape()), "_wide")
    return node.emit("Tile", [data, node.constant("reps", [1] * (rank - len(repeats)) + repeats)])


@operator("Pad", "pad")
def pad(node: Node) -> str:
    mode = node.text("mode", "constant")
    widths = node.integers("pad_width")
    inputs = [node.inputs[0], node.constant("pads", widths[::2] + widths[1::2])]
    if mode == "constant":
        inputs.append(node.scalar("value", node.number("constant_value", 0)))
    return node.emit("Pad", inputs, mode=mode)


@operator("UpSampling")
def up_sampling(node: Node) -> str:
    if node.text("sample_type", "nearest") != "nearest" or len(node.inputs) != 1:
        raise UnsupportedVariant("only sample_type nearest with one input is supported")
    scale = float(node.integer("scale"))
    scales = node.constant("scales", np.array([1, 1, scale, scale], np.float32))
    return node.emit(
        "Resize",
        [node.inputs[0], "", scales],
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


@operator("broadcast_to")
def broadcast_to(node: Node) -> str:
    sizes = [size or own for size, own in zip(node.integers("shape"), node.shape(), strict=True)]
    return node.emit("Expand", [node.inputs[0], node.constant("shape", sizes)])


@operator("broadcast_axis", "broadcast_axes")
def broadcast_axis(node: Node) -> str:
    sizes = list(node.shape())
    for axis, size in zip(node.integers("axis"), node.integers("size"), strict=True):
        sizes[axis] = size
    return node.emit("Expand", [node.inputs[0], node.constant("shape", sizes)])


@operator("broadcast_like")
def broadcast_like(node: Node) -> str:
    node.expect("lhs_axes", "None")
    return node.emit("Expand", [node.inputs[0], node.constant("shape", list(node.shape(1)))])


@operator("_contrib_AdaptiveAvgPooling2D")
def adaptive_average_pooling(node: Node) -> str:
    height, width = node.shape()[2:]
    wanted = node.integers("output_size", (1,))
    rows, columns = wanted if len(wanted) == 2 else wanted * 2
    if height % rows or width % columns:
        raise UnsupportedVariant(
            f"its input {height}×{width} cannot be divided into {rows}×{columns} equal parts"
        )
    window = [height // rows, width // columns]
    return node.emit("AveragePool", node.inputs, kernel_shape=window, strides=window)
