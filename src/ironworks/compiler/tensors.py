"""What a graph takes and gives."""

from __future__ import annotations

import onnx
from onnx import helper

from ironworks.errors import ClientError
from ironworks.runtime import Tensor


def described_inputs(model: onnx.ModelProto) -> list[Tensor]:
    """The inputs of `model` that are no constants.

    Raises:
        ClientError: one has a dtype that numpy does not have.
    """
    constants = {tensor.name for tensor in model.graph.initializer}
    return [_tensor(value) for value in model.graph.input if value.name not in constants]


def described_outputs(model: onnx.ModelProto) -> list[Tensor]:
    """The outputs of `model`; raises as `described_inputs` does."""
    return [_tensor(value) for value in model.graph.output]


def _tensor(value: onnx.ValueInfoProto) -> Tensor:
    kind = value.type.tensor_type
    dtype = helper.tensor_dtype_to_np_dtype(kind.elem_type)
    if dtype.kind not in "biuf" or dtype.isbuiltin != 1:
        raise ClientError(
            f"The model's input or output {value.name} has the dtype {dtype}; numbers that numpy has can be "
            "compiled. Cast it inside the model."
        )
    return Tensor(value.name, tuple(dimension.dim_value for dimension in kind.shape.dim), dtype.name)
