"""Operators that reduce axes, and products of matrices."""

from __future__ import annotations

from ironworks.compiler.frontends.mxnet.node import Node, UnsupportedVariant
from ironworks.compiler.frontends.mxnet.operators.table import Translation, operator

_REDUCTIONS = {
    "ReduceMean": ("mean",),
    "ReduceSum": ("sum", "sum_axis"),
    "ReduceMax": ("max", "max_axis"),
    "ReduceMin": ("min", "min_axis"),
    "ReduceProd": ("prod",),
}


def _reduction(target: str) -> Translation:
    return lambda node: _reduce(node, target)


for _target, _names in _REDUCTIONS.items():
    operator(*_names)(_reduction(_target))


@operator("norm", only={"ord": ("1", "2"), "out_dtype": ("None",)})
def norm(node: Node) -> str:
    order = node.integer("ord", 2)
    return _reduce(node, f"ReduceL{order}")


def _reduce(node: Node, target: str) -> str:
    rank = len(node.shape())
    given = node.integers("axis")
    axes = sorted(axis % rank for axis in given) or list(range(rank))
    if node.flag("exclude") and given:
        axes = [axis for axis in range(rank) if axis not in axes]
    keep = node.flag("keepdims")
    reduced = node.emit(target, [node.inputs[0], node.constant("axes", axes)], keepdims=int(keep))
    # MXNet 1.x has no arrays of rank 0: what is left of a full reduction has one element.
    return reduced if node.builder.shape(reduced) else node.reshape(reduced, (1,), "_one")


@operator("dot")
def dot(node: Node) -> str:
    if len(node.shape(0)) != 2 or len(node.shape(1)) != 2:
        raise UnsupportedVariant("it multiplies other than two matrices")
    return _product(node)


@operator("batch_dot")
def batch_dot(node: Node) -> str:
    return _product(node)


def _product(node: Node) -> str:
    factors = []
    for position, key in enumerate(("transpose_a", "transpose_b")):
        rank = len(node.shape(position))
        order = [*range(rank - 2), rank - 1, rank - 2]
        factor = node.inputs[position]
        factors.append(node.emit("Transpose", [factor], f"_{key}", perm=order) if node.flag(key) else factor)
    return node.emit("MatMul", factors)
