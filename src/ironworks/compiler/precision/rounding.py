"""Weights as bfloat16: the upper half of a float32, so half the bytes and the same range."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from ironworks.compiler.precision.weights import rewrite_weights


def round_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """The weights of products rounded to bfloat16 (to nearest, ties to even), and cast back where they are used.

    Raises:
        BackendSkipped: the model has no such weights of float32.
    """

    def store(name: str, weights: NDArray[Any], _: int) -> tuple[list[onnx.TensorProto], onnx.NodeProto]:
        rounded = numpy_helper.from_array(weights.astype(ml_dtypes.bfloat16), f"{name}_bf16")
        node = helper.make_node("Cast", [rounded.name], [name], f"{name}_float", to=onnx.TensorProto.FLOAT)
        return [rounded], node

    return rewrite_weights(model, store)
