"""Builds an ONNX graph node by node, with the shape of every tensor known as it is added.

Every graph has fixed input shapes, so a frontend can look at the shape of what it has built so far, and a
conflict of shapes is found at the node that has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import checker, defs, helper, numpy_helper, shape_inference

Array = NDArray[Any]

OPSET = 20
"""The first with Gelu, and with average pooling that counts as frameworks do when it rounds up (19)."""

IR_VERSION = 9
_LARGEST_KNOWN_VALUE = 64
"""Constants of at most so many elements are shown to shape inference: shapes, axes, pads."""


class ShapeConflict(ValueError):
    """A node cannot take its inputs; `str` is ONNX's reason."""


class GraphBuilder:
    """An ONNX graph under construction. Tensors are named, and a name is used once."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._types: dict[str, onnx.TypeProto] = {}
        self._constants: dict[str, onnx.TensorProto] = {}
        self._known: dict[str, onnx.TensorProto] = {}
        self._opsets = [helper.make_opsetid("", OPSET)]

    def input(self, name: str, shape: Sequence[int], dtype: np.dtype[Any]) -> str:
        """Declare a graph input."""
        kind = helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(dtype), shape)
        self._inputs.append(helper.make_value_info(name, kind))
        self._types[name] = kind
        return name

    def constant(self, name: str, array: Array) -> str:
        """Add a constant, under another name if `name` is taken."""
        name = self._unused(name)
        tensor = numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name)
        self._constants[name] = tensor
        self._types[name] = helper.make_tensor_type_proto(tensor.data_type, array.shape)
        if array.size <= _LARGEST_KNOWN_VALUE:
            self._known[name] = tensor
        return name

    def add(
        self, operator: str, inputs: Sequence[str], name: str, outputs: int = 1, **attributes: Any
    ) -> list[str]:
        """Add a node; answer the names of its outputs.

        Raises:
            ShapeConflict: the inputs are too many or too few, or their shapes or dtypes do not fit the operator.
        """
        name = self._unused(name)
        names = [name] if outputs == 1 else [self._unused(f"{name}_{index}") for index in range(outputs)]
        node = helper.make_node(operator, inputs, names, names[0], **attributes)
        try:
            self._types.update(self._infer(node))
        except (shape_inference.InferenceError, checker.ValidationError) as error:
            raise ShapeConflict(str(error).removeprefix("[ShapeInferenceError] ")) from error
        self._nodes.append(node)
        return names

    def shape(self, tensor: str) -> tuple[int, ...]:
        """The shape of `tensor`.

        Raises:
            ShapeConflict: it depends on the values of the inputs.
        """
        kind = self._types[tensor].tensor_type
        if not kind.HasField("shape") or not all(item.HasField("dim_value") for item in kind.shape.dim):
            raise ShapeConflict(f"the shape of {tensor} depends on the values of the inputs")
        return tuple(item.dim_value for item in kind.shape.dim)

    def dtype(self, tensor: str) -> np.dtype[Any]:
        """The dtype of `tensor`."""
        return helper.tensor_dtype_to_np_dtype(self._types[tensor].tensor_type.elem_type)

    def model(self, outputs: Mapping[str, str]) -> onnx.ModelProto:
        """The finished model, checked; `outputs` has the tensor by the name of each graph output."""
        for name, tensor in outputs.items():
            if name != tensor:
                self._nodes.append(helper.make_node("Identity", [tensor], [name], f"output:{name}"))
        graph = helper.make_graph(
            self._nodes,
            "model",
            self._inputs,
            [helper.make_value_info(name, self._types[tensor]) for name, tensor in outputs.items()],
            list(self._constants.values()),
        )
        return helper.make_model(graph, opset_imports=self._opsets, ir_version=IR_VERSION)

    def _infer(self, node: onnx.NodeProto) -> dict[str, onnx.TypeProto]:
        given = [name for name in node.input if name]
        return shape_inference.infer_node_outputs(
            defs.get_schema(node.op_type, OPSET),
            node,
            {name: self._types[name] for name in given},
            {name: self._known[name] for name in given if name in self._known},
            opset_imports=self._opsets,
            ir_version=IR_VERSION,
        )

    def _unused(self, name: str) -> str:
        candidate, count = name, 0
        while candidate in self._types:
            count += 1
            candidate = f"{name}_{count}"
        return candidate


def checked(model: onnx.ModelProto) -> onnx.ModelProto:
    """`model` with the shape of every tensor, after ONNX's checker and strict shape inference.

    Raises:
        onnx.checker.ValidationError: the model breaks a rule of ONNX.
        onnx.shape_inference.InferenceError: shapes conflict.
    """
    checker.check_model(model)
    return shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
