"""Brings a model to the version of ONNX's operators that passes and backends are written for."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import onnx
from onnx import helper, shape_inference, version_converter

from ironworks.compiler.graph import IR_VERSION, OPSET
from ironworks.errors import ClientError

_OLDEST = 7
_MEANT_OTHERWISE = 13
"""Before it Softmax flattened its input, and axes were attributes."""
_LARGEST_LOOKED_AT = 1024
"""Constants of more elements are weights, which no conversion looks at."""


def at_our_opset(model: onnx.ModelProto) -> tuple[onnx.ModelProto, Sequence[str]]:
    """`model` in opset 20, or as it is where ONNX cannot convert it; and what is to be said about that.

    Raises:
        ClientError: it is older than opset 7, and cannot be converted.
    """
    version = max(
        (item.version for item in model.opset_import if item.domain in ("", "ai.onnx")), default=OPSET
    )
    if version == OPSET:
        return model, []
    try:
        return _converted(model), []
    except Exception as error:  # the converter is C++ and raises what its adapters do
        reason = str(error).strip().splitlines()[0]
    if version < _OLDEST:
        raise ClientError(
            f"The model is of opset {version}, and cannot be brought to a newer one ({reason}). Export it with "
            f"opset {_OLDEST} or later; {OPSET} is best."
        )
    if version >= _MEANT_OTHERWISE:
        return model, []
    return model, [
        f"The model is of opset {version} and could not be brought to {OPSET} ({reason}); fewer backends read it. "
        "Export it with a newer one."
    ]


def _converted(model: onnx.ModelProto) -> onnx.ModelProto:
    """Convert the graph without its weights, which would be copied several times.

    Raises:
        Exception: the converter cannot; it does not look into nested graphs and drops sparse constants.
    """
    nested = any(
        item.type == onnx.AttributeProto.GRAPH for node in model.graph.node for item in node.attribute
    )
    if nested or model.graph.sparse_initializer:
        raise ValueError("it has graphs within nodes, or sparse constants")
    weights = [item for item in model.graph.initializer if prod(item.dims) > _LARGEST_LOOKED_AT]
    names = {item.name for item in weights}
    graph = onnx.ModelProto()
    graph.CopyFrom(_without(model, names))
    for item in weights:
        graph.graph.input.append(helper.make_tensor_value_info(item.name, item.data_type, item.dims))
    graph = shape_inference.infer_shapes(graph)
    converted = version_converter.convert_version(graph, OPSET)
    inputs = [item for item in converted.graph.input if item.name not in names]
    del converted.graph.input[:]
    converted.graph.input.extend(inputs)
    converted.graph.initializer.extend(weights)
    del converted.graph.value_info[:]
    converted.ir_version = IR_VERSION
    return converted


def _without(model: onnx.ModelProto, weights: set[str]) -> onnx.ModelProto:
    graph = helper.make_graph(
        model.graph.node,
        model.graph.name,
        model.graph.input,
        model.graph.output,
        [item for item in model.graph.initializer if item.name not in weights],
    )
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
