"""How much a model has to compute."""

from __future__ import annotations

from math import prod

import onnx

from ironworks.compiler.backends.candidate import BackendSkipped

_LEAST = 1e6
"""Floating-point operations that a core does in about the 20 µs that a call of these libraries takes at least."""
_PRODUCTS = ("Conv", "ConvTranspose", "Gemm", "MatMul")


def operations(model: onnx.ModelProto) -> float | None:
    """Floating-point operations of the model's matrix products and convolutions, which its time goes to.

    None if that is not known: a shape is open, or the model has none of these.
    """
    graph = model.graph
    shapes = {item.name: tuple(item.dims) for item in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        shapes[value.name] = tuple(size.dim_value for size in value.type.tensor_type.shape.dim)
    counted = [_of(node, shapes) for node in graph.node if node.op_type in _PRODUCTS]
    return None if not counted or None in counted else sum(item or 0.0 for item in counted)


def _of(node: onnx.NodeProto, shapes: dict[str, tuple[int, ...]]) -> float | None:
    result, left, right = (shapes.get(name) for name in (node.output[0], *node.input[:2]))
    if not result or not left or not right or 0 in result:
        return None
    if node.op_type == "Conv":
        return 2.0 * prod(result) * prod(right[1:])
    if node.op_type == "ConvTranspose":
        return 2.0 * prod(left) * prod(right[1:])
    transposed = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
    return 2.0 * prod(result) * left[-2 if transposed else -1]


def worth_a_library(model: onnx.ModelProto, name: str) -> None:
    """Converting for a library that cannot win takes longer than the rest of a small model's compilation.

    Raises:
        BackendSkipped: a call of the library takes longer than all that the model computes.
    """
    work = operations(model) or 0.0
    if work < _LEAST:
        raise BackendSkipped(
            f"the model's products are {work / 1e6:.2g} MFLOP, which take less time than a call of {name} at least"
        )
