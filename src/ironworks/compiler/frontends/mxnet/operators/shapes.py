"""Operators that change the shape or the place of elements. Every shape is known, so each target is computed here."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from ironworks.compiler.frontends.mxnet.node import Node
from ironworks.compiler.frontends.mxnet.operators.table import operator
from ironworks.compiler.graph import ShapeConflict


@operator("Flatten", "flatten")
def flatten(node: Node) -> str:
    shape = node.shape()
    return node.reshape(node.inputs[0], (shape[0], prod(shape[1:])))


@operator("Reshape", "reshape", only={"keep_highest": ("False", "0")})
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
    return _parts(node, axis, [shape[axis] // parts] * parts)


@operator("_split_v2")
def split_by_indices(node: Node) -> list[str]:
    """In `sections` equal parts, or at the `indices`, the first of which is 0."""
    axis = node.axis("axis", 1)
    size, sections = node.shape()[axis], node.integer("sections", 0)
    if sections:
        if size % sections:
            raise ShapeConflict(f"axis {axis} cannot be divided into {sections} equal parts")
        return _parts(node, axis, [size // sections] * sections)
    starts = [min(start, size) for start in node.integers("indices")]
    return _parts(node, axis, [end - start for start, end in pairwise([*starts, size])])


def _parts(node: Node, axis: int, sizes: Sequence[int]) -> list[str]:
    if len(sizes) == 1:
        tensors = node.inputs[:1]
    else:
        lengths = node.constant("sizes", list(sizes))
        tensors = node.builder.add("Split", [node.inputs[0], lengths], node.name, len(sizes), axis=axis)
    if not node.flag("squeeze_axis"):
        return list(tensors)
    shape = [size for position, size in enumerate(node.shape()) if position != axis]
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
    sizes, like = list(node.shape()), node.shape(1)
    ours, theirs = node.integers("lhs_axes"), node.integers("rhs_axes")
    if not ours:
        sizes = list(like)
    for axis, other in zip(ours, theirs, strict=True):
        sizes[axis] = like[other]
    return node.emit("Expand", [node.inputs[0], node.constant("shape", sizes)])


@operator("reshape_like")
def reshape_like(node: Node) -> str:
    shape, like = node.shape(), node.shape(1)
    begin, end = (node.integer(key) if node.given(key) else None for key in ("lhs_begin", "lhs_end"))
    first, last = (node.integer(key) if node.given(key) else None for key in ("rhs_begin", "rhs_end"))
    head = shape[:begin] if begin is not None else ()
    tail = shape[end:] if end is not None else ()
    return node.reshape(node.inputs[0], (*head, *like[first:last], *tail))


@operator("repeat")
def repeat(node: Node) -> str:
    """Each element (or part along the axis) several times, one after the other."""
    data, shape, count = node.inputs[0], list(node.shape()), node.integer("repeats")
    if node.given("axis"):
        axis = node.axis("axis", 0)
    else:
        axis, shape = 0, [prod(shape)]
        data = node.reshape(data, shape, "_flat")
    apart = node.reshape(data, [*shape[: axis + 1], 1, *shape[axis + 1 :]], "_apart")
    times = [count if position == axis + 1 else 1 for position in range(len(shape) + 1)]
    repeated = node.emit("Tile", [apart, node.constant("times", times)], "_repeated")
    shape[axis] *= count
    return node.reshape(repeated, shape)


@operator("depth_to_space")
def depth_to_space(node: Node) -> str:
    return node.emit("DepthToSpace", node.inputs, blocksize=node.integer("block_size"), mode="DCR")


@operator("space_to_depth")
def space_to_depth(node: Node) -> str:
    return node.emit("SpaceToDepth", node.inputs, blocksize=node.integer("block_size"))
