"""Reads ONNX models: one `*.onnx` file, with its external data beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx
from onnx import checker, inliner, shape_inference

from ironworks.compiler.frontends import ImportedModel
from ironworks.compiler.frontends.onnx.binding import bind
from ironworks.compiler.frontends.onnx.files import find_model, load
from ironworks.compiler.frontends.onnx.opset import at_our_opset
from ironworks.compiler.frontends.onnx.survey import refuse_unsupported
from ironworks.compiler.frontends.onnx.tabular import add_shapes
from ironworks.compiler.graph import checked
from ironworks.errors import ClientError


def read(folder: Path, input_shapes: Mapping[str, Sequence[int]], name: str) -> ImportedModel:
    """Read the ONNX file in `folder` (or that `folder` is), with its inputs bound to `input_shapes`.

    Raises:
        ClientError: there is not exactly one, it is damaged or too large, an operator or attribute is not
            supported, or names or shapes of the inputs do not fit.
    """
    path = find_model(folder, name)
    model = load(path)
    if model.functions:
        model = inliner.inline_local_functions(model)
    refuse_unsupported(model)
    operators = dict(Counter(node.op_type for node in model.graph.node))
    bind(model, input_shapes)
    try:
        checker.check_model(model)
    except checker.ValidationError as error:
        raise ClientError(f"{path.name} is not a valid ONNX model: {error}. Export it again.") from error
    model, findings = at_our_opset(model)
    add_shapes(model)
    try:
        model = checked(model)
    except shape_inference.InferenceError as error:
        raise ClientError(
            f"The model cannot take inputs of the shapes in DataInputConfig: {error}. Compare them with those "
            "that it was exported with."
        ) from error
    _expect_fixed_outputs(model)
    return ImportedModel(model, operators, findings)


def declared_shapes(folder: Path, name: str) -> dict[str, list[int]]:
    """The shape of each input as the file declares it; a size that it leaves open is 0.

    Raises:
        ClientError: there is not exactly one ONNX file in `folder`, or it cannot be read.
    """
    path = find_model(folder, name)
    try:
        graph = onnx.load(path, load_external_data=False).graph
    except Exception as error:  # protobuf and the file system each have their own
        raise ClientError(f"{path.name} is not a valid ONNX model: {error}. Export it again.") from error
    constants = {tensor.name for tensor in graph.initializer}
    return {
        item.name: [max(dimension.dim_value, 0) for dimension in item.type.tensor_type.shape.dim]
        for item in graph.input
        if item.name not in constants
    }


def _expect_fixed_outputs(model: onnx.ModelProto) -> None:
    for output in model.graph.output:
        kind = output.type.tensor_type
        if not kind.HasField("shape") or not all(item.HasField("dim_value") for item in kind.shape.dim):
            raise ClientError(
                f"The shape of the output {output.name} depends on the values of the inputs; only outputs of a "
                "fixed shape can be compiled yet. Leave it out of the exported model, or fix its size."
            )
