"""Folds a BatchNormalization into the convolution or dense layer before it.

    scale = gamma / sqrt(variance + epsilon)
    weight' = weight · scale, for each output channel;   bias' = (bias - mean) · scale + beta

Computed in double precision and rounded once.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

Constants = dict[str, onnx.TensorProto]


def fold_batch_norm(model: onnx.ModelProto) -> int:
    """Fold every BatchNormalization that can be; answer how many were."""
    graph = model.graph
    constants: Constants = {tensor.name: tensor for tensor in graph.initializer}
    uses = Counter(name for node in graph.node for name in node.input)
    uses.update(output.name for output in graph.output)
    producers = {name: node for node in graph.node for name in node.output}
    folded = []
    for norm in graph.node:
        layer = producers.get(norm.input[0]) if norm.op_type == "BatchNormalization" else None
        if layer is None or uses[norm.input[0]] != 1 or not _foldable(layer, norm, constants):
            continue
        weight, bias = _folded(layer, norm, constants)
        names = [f"{norm.output[0]}_folded_weight", f"{norm.output[0]}_folded_bias"]
        for name, array in zip(names, (weight, bias), strict=True):
            constants[name] = numpy_helper.from_array(array, name)
            graph.initializer.append(constants[name])
        del layer.input[1:]
        layer.input.extend(names)
        layer.output[0] = norm.output[0]
        producers[norm.output[0]] = layer
        folded.append(norm)
    for norm in folded:
        graph.node.remove(norm)
    return len(folded)


def _foldable(layer: onnx.NodeProto, norm: onnx.NodeProto, constants: Constants) -> bool:
    if not all(name in constants for name in (*layer.input[1:], *norm.input[1:])):
        return False
    if any(norm.output[1:]) or _attribute(norm, "training_mode", 0):
        return False
    if layer.op_type == "Gemm":
        plain = _attribute(layer, "alpha", 1.0) == 1 and _attribute(layer, "beta", 1.0) == 1
        units = constants[norm.input[1]].dims[0]
        return plain and (len(layer.input) < 3 or list(constants[layer.input[2]].dims) == [units])
    return layer.op_type == "Conv"


def _folded(
    layer: onnx.NodeProto, norm: onnx.NodeProto, constants: Constants
) -> tuple[NDArray[Any], NDArray[Any]]:
    weight = numpy_helper.to_array(constants[layer.input[1]])
    gamma, beta, mean, variance = (
        numpy_helper.to_array(constants[name]).astype(np.float64) for name in norm.input[1:]
    )
    bias = numpy_helper.to_array(constants[layer.input[2]]) if len(layer.input) > 2 else np.zeros_like(mean)
    scale = gamma / np.sqrt(variance + _attribute(norm, "epsilon", 1e-5))
    channels_last = layer.op_type == "Gemm" and not _attribute(layer, "transB", 0)
    shape = (1, -1) if channels_last else (-1, *[1] * (weight.ndim - 1))
    return (
        (weight * scale.reshape(shape)).astype(weight.dtype),
        ((bias - mean) * scale + beta).astype(weight.dtype),
    )


def _attribute(node: onnx.NodeProto, name: str, default: Any) -> Any:
    for attribute in node.attribute:
        if attribute.name == name:
            return helper.get_attribute_value(attribute)
    return default
