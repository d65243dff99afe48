"""Computes at compile time what depends on constants and shapes only.

Exporters leave arithmetic on shapes in the graph (Shape, Gather, Concat, Reshape …); with fixed input shapes all
of it is known. The nodes are run by ONNX's own interpreter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

Array = NDArray[Any]

_RANDOM = (
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
    "Multinomial",
    "Bernoulli",
)
_LARGEST = 1 << 22
"""Elements of a result that is kept: larger ones take more room than the computation saves."""


def fold_constants(model: onnx.ModelProto) -> int:
    """Replace the nodes whose outputs are known by constants; answer how many there were."""
    graph = model.graph
    constants = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    shapes = _shapes(graph)
    outputs = {output.name for output in graph.output}
    kept: list[onnx.NodeProto] = []
    for node in graph.node:
        known = None if outputs & set(node.output) else _known(node, constants, shapes, model)
        if known is None:
            kept.append(node)
            continue
        for name, array in known.items():
            constants[name] = array
            graph.initializer.append(numpy_helper.from_array(array, name))
    folded = len(graph.node) - len(kept)
    del graph.node[:]
    graph.node.extend(kept)
    return folded


def _shapes(graph: onnx.GraphProto) -> dict[str, tuple[int, ...]]:
    """The shapes that are known in full."""
    shapes = {}
    for value in (*graph.input, *graph.value_info):
        kind = value.type.tensor_type
        if kind.HasField("shape") and all(size.HasField("dim_value") for size in kind.shape.dim):
            shapes[value.name] = tuple(size.dim_value for size in kind.shape.dim)
    return shapes


def _known(
    node: onnx.NodeProto,
    constants: Mapping[str, Array],
    shapes: Mapping[str, tuple[int, ...]],
    model: onnx.ModelProto,
) -> dict[str, Array] | None:
    """The outputs of `node` by name; None if they depend on inputs, chance, or are too large."""
    names = [name for name in node.input if name]
    if (
        node.op_type in ("Shape", "Size")
        and node.domain == ""
        and names[0] in shapes
        and names[0] not in constants
    ):
        given: dict[str, Array] = {names[0]: np.broadcast_to(np.zeros((), np.float32), shapes[names[0]])}
    elif all(name in constants for name in names) and node.op_type not in _RANDOM and node.domain == "":
        given = {name: constants[name] for name in names}
    else:
        return None
    try:
        answers = ReferenceEvaluator(_alone(node, given, model)).run(None, given)
    except Exception:  # the interpreter lacks an operator, or the node is wrong: the backends will say so
        return None
    arrays = [np.asarray(answer) for answer in answers]
    if sum(array.size for array in arrays) > max(
        _LARGEST, sum(constants[n].size for n in names if n in constants)
    ):
        return None
    return dict(zip([name for name in node.output if name], arrays, strict=True))


def _alone(node: onnx.NodeProto, given: Mapping[str, Array], model: onnx.ModelProto) -> onnx.ModelProto:
    """A model of this one node."""
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in given.items()
    ]
    outputs = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
    graph = helper.make_graph([node], "node", inputs, outputs)
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
