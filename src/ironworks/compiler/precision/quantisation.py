"""Graphs with int8 weights, as ONNX writes them: QuantizeLinear and DequantizeLinear (QDQ) around float operators.

Engines compute `DequantizeLinear → Gemm → QuantizeLinear` in whole numbers. Weights are symmetric, with a scale for
each output channel; activations have one scale and zero point each, from the smallest and largest value that the
calibration saw (Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference", 2018).
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper, shape_inference

from ironworks.compiler.backends.candidate import BackendSkipped
from ironworks.compiler.precision.weights import PRODUCTS, product_weights, rewrite_weights

Array = NDArray[Any]

_AROUND = (
    *("Add", "Relu", "Clip", "MaxPool", "AveragePool", "GlobalAveragePool", "Concat"),
    *("Flatten", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Split", "Slice", "Pad"),
)
"""Operators that whole numbers pass through; one in float between two products would cost two conversions."""
_LEVELS = 127


def quantise(model: onnx.ModelProto, calibration: Sequence[Mapping[str, Array]]) -> onnx.ModelProto:
    """Weights and activations in int8, the ranges measured on `calibration`.

    The outputs of dense layers stay float32: the last one's are the scores.

    Raises:
        BackendSkipped: the model has nothing to quantise, or the quantisation does not take it.
    """
    from onnxruntime import quantization

    product_weights(model)
    with tempfile.TemporaryDirectory(prefix="ironworks-int8-") as folder:
        path = Path(folder) / "model.onnx"
        try:
            quantization.quantize_static(
                _prepared(model),
                path,
                _Reader(calibration),
                op_types_to_quantize=[*PRODUCTS, *_AROUND],
                per_channel=True,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
                extra_options={"OpTypesToExcludeOutputQuantization": ["Gemm", "MatMul"]},
            )
        except Exception as error:  # it raises whatever it runs into
            raise BackendSkipped(f"ONNX Runtime's quantisation does not take the model: {error}") from error
        return shape_inference.infer_shapes(onnx.load(path))


def quantise_dynamically(model: onnx.ModelProto) -> onnx.ModelProto:
    """Weights of dense layers in int8; activations are measured and quantised at each call.

    Raises:
        BackendSkipped: the model has no dense layer, or the quantisation does not take it.
    """
    from onnxruntime import quantization

    product_weights(model)
    with tempfile.TemporaryDirectory(prefix="ironworks-int8-") as folder:
        path = Path(folder) / "model.onnx"
        try:
            quantization.quantize_dynamic(
                _prepared(model),
                path,
                op_types_to_quantize=["MatMul", "Gemm"],
                per_channel=True,
                weight_type=quantization.QuantType.QInt8,
            )
        except Exception as error:  # it raises whatever it runs into
            raise BackendSkipped(f"ONNX Runtime's quantisation does not take the model: {error}") from error
        quantised = onnx.load(path)
    if not any(node.op_type == "MatMulInteger" for node in quantised.graph.node):
        raise BackendSkipped("the model has no dense layer with constant weights of float32")
    return shape_inference.infer_shapes(quantised)


def quantise_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Weights in int8, with a DequantizeLinear between each and its product; activations as they are.

    Raises:
        BackendSkipped: the model has nothing to quantise.
    """

    def store(name: str, weights: Array, axis: int) -> tuple[list[onnx.TensorProto], onnx.NodeProto]:
        others = tuple(number for number in range(weights.ndim) if number != axis)
        scales = np.abs(weights).max(axis=others, keepdims=True).astype(np.float32) / np.float32(_LEVELS)
        scales[scales == 0] = 1
        whole = np.rint(weights / scales).clip(-_LEVELS, _LEVELS).astype(np.int8)
        constants = [
            numpy_helper.from_array(whole, f"{name}_int8"),
            numpy_helper.from_array(scales.reshape(-1), f"{name}_scale"),
            # OpenVINO recognises compressed weights by their zero point.
            numpy_helper.from_array(np.zeros(scales.size, np.int8), f"{name}_zero"),
        ]
        names = [constant.name for constant in constants]
        return constants, helper.make_node("DequantizeLinear", names, [name], f"{name}_float", axis=axis)

    return rewrite_weights(model, store)


def _prepared(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy, which the quantisation may change, marked as optimised: it would print that it should be."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    helper.set_model_props(copy, {"onnx.quant.pre_process": "onnxruntime.quant"})
    return copy


class _Reader:
    """The calibration's inputs, as ONNX Runtime asks for them."""

    def __init__(self, batches: Sequence[Mapping[str, Array]]) -> None:
        self._batches = iter(batches)

    def get_next(self) -> dict[str, Array] | None:
        batch = next(self._batches, None)
        return None if batch is None else dict(batch)
