"""The constant weights of a graph's matrix products and convolutions, and how they are stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import numpy_helper, shape_inference

from ironworks.compiler.backends.candidate import BackendSkipped

Store = Callable[[str, NDArray[Any], int], tuple[list[onnx.TensorProto], onnx.NodeProto]]
"""Answers the constants to store for the weights of a name, and the node that makes the tensor of that name of
them. The number is the dimension of output channels."""

PRODUCTS = ("Conv", "ConvTranspose", "Gemm", "MatMul")

_FIRST_OPSET = 13
"""Of DequantizeLinear by channel, and of bfloat16."""
_FIRST_IR = 4
"""In which a constant need not be listed as an input."""


def product_weights(model: onnx.ModelProto) -> dict[str, int]:
    """The constants of float32 that are weights, and the dimension of output channels of each.

    Raises:
        BackendSkipped: there are none, or the model is too old to store them in another form.
    """
    constants = {item.name: len(item.dims) for item in model.graph.initializer if item.data_type == 1}
    axes = {
        node.input[1]: _output_channels(node, constants[node.input[1]])
        for node in model.graph.node
        if node.op_type in PRODUCTS and len(node.input) > 1 and constants.get(node.input[1], 0) > 1
    }
    if not axes:
        raise BackendSkipped("the model has no dense or convolutional layer with constant weights of float32")
    opset = next((item.version for item in model.opset_import if not item.domain), _FIRST_OPSET)
    if opset < _FIRST_OPSET:
        raise BackendSkipped(
            f"the model has ONNX's operators of version {opset}, which cannot be reduced; export it with version "
            f"{_FIRST_OPSET} or newer"
        )
    return axes


def rewrite_weights(model: onnx.ModelProto, store: Store) -> onnx.ModelProto:
    """A copy of `model` whose weights are stored as `store` does.

    Raises:
        BackendSkipped: there are none.
    """
    axes = product_weights(model)
    rewritten = onnx.ModelProto()
    rewritten.CopyFrom(model)
    rewritten.ir_version = max(rewritten.ir_version, _FIRST_IR)
    graph = rewritten.graph
    weights = {item.name: numpy_helper.to_array(item) for item in graph.initializer if item.name in axes}
    kept = [item for item in graph.initializer if item.name not in axes]
    inputs = [item for item in graph.input if item.name not in axes]
    made = [store(name, weights[name], axis) for name, axis in axes.items()]
    nodes = [node for _, node in made] + list(graph.node)
    for field, items in (
        (graph.initializer, kept + [constant for constants, _ in made for constant in constants]),
        (graph.input, inputs),
        (graph.node, nodes),
    ):
        del field[:]
        field.extend(items)
    return shape_inference.infer_shapes(rewritten)


def _output_channels(node: onnx.NodeProto, rank: int) -> int:
    if node.op_type == "MatMul":
        return rank - 1
    if node.op_type == "Gemm":
        return 0 if any(attribute.name == "transB" and attribute.i for attribute in node.attribute) else 1
    return 1 if node.op_type == "ConvTranspose" else 0
