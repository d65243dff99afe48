"""Reads ONNX models: one `*.onnx` file, with its external data beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx
from onnx import checker, defs, shape_inference

from ironworks.compiler.frontends import ImportedModel, match_inputs
from ironworks.compiler.frontends.tabular import add_shapes
from ironworks.compiler.graph import checked
from ironworks.errors import ClientError

_DOMAINS = ("", "ai.onnx", "ai.onnx.ml")


def read(folder: Path, input_shapes: Mapping[str, Sequence[int]], name: str) -> ImportedModel:
    """Read the ONNX file in `folder` (or that `folder` is), with its inputs bound to `input_shapes`.

    Raises:
        ClientError: there is not exactly one, it is damaged, an operator is not supported, or names or shapes
            of the inputs do not fit.
    """
    path = _find(folder, name)
    try:
        model = onnx.load(path)
        checker.check_model(model)
    except Exception as error:  # protobuf, onnx and the file system each have their own
        raise ClientError(f"{path.name} is not a valid ONNX model: {error}. Export it again.") from error
    _refuse_unsupported(model)
    _bind(model, input_shapes)
    add_shapes(model)
    try:
        model = checked(model)
    except shape_inference.InferenceError as error:
        raise ClientError(
            f"The model cannot take inputs of the shapes in DataInputConfig: {error}. Compare them with those "
            "that it was exported with."
        ) from error
    _expect_fixed_outputs(model)
    return ImportedModel(model, dict(Counter(node.op_type for node in model.graph.node)))


def declared_shapes(folder: Path, name: str) -> dict[str, list[int]]:
    """The shape of each input as the file declares it; a size that it leaves open is 0.

    Raises:
        ClientError: there is not exactly one ONNX file in `folder`, or it cannot be read.
    """
    path = _find(folder, name)
    try:
        graph = onnx.load(path, load_external_data=False).graph
    except Exception as error:  # protobuf and the file system each have their own
        raise ClientError(f"{path.name} is not a valid ONNX model: {error}. Export it again.") from error
    constants = {tensor.name for tensor in graph.initializer}
    return {
        item.name: [dimension.dim_value for dimension in item.type.tensor_type.shape.dim]
        for item in graph.input
        if item.name not in constants
    }


def _find(folder: Path, name: str) -> Path:
    if folder.is_file():
        return folder
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    found = [path for path in files if path.suffix == ".onnx"]
    if len(found) != 1:
        listing = ", ".join(str(path.relative_to(folder)) for path in (found or files)[:10]) or "no files"
        raise ClientError(
            f"{name} must have exactly one model, a file *.onnx; it has {len(found)}, among {listing}."
        )
    return found[0]


def _refuse_unsupported(model: onnx.ModelProto) -> None:
    versions = {opset.domain: opset.version for opset in model.opset_import}
    unknown = [
        f"{node.domain + '::' if node.domain else ''}{node.op_type} ({node.name or node.output[0]})"
        for node in model.graph.node
        if node.domain not in _DOMAINS
        or not defs.has(node.op_type, max_inclusive_version=versions[node.domain], domain=node.domain)
    ]
    if unknown:
        raise ClientError(
            f"The model has operators that are not part of ONNX: {'; '.join(unknown)}. Export it with standard "
            "operators only."
        )


def _bind(model: onnx.ModelProto, shapes: Mapping[str, Sequence[int]]) -> None:
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [item for item in model.graph.input if item.name not in constants]
    match_inputs(shapes, [item.name for item in inputs])
    for item in inputs:
        declared, given = item.type.tensor_type.shape, shapes[item.name]
        fits = len(declared.dim) == len(given) and all(
            not dimension.HasField("dim_value") or dimension.dim_value == size
            for dimension, size in zip(declared.dim, given, strict=False)
        )
        if not fits:
            expected = [dimension.dim_value or dimension.dim_param or "?" for dimension in declared.dim]
            raise ClientError(
                f"DataInputConfig gives the input {item.name} the shape {list(given)}, and the model takes {expected}."
            )
        for dimension, size in zip(declared.dim, given, strict=True):
            dimension.dim_value = size
    # What was inferred for other shapes no longer counts.
    del model.graph.value_info[:]
    for output in model.graph.output:
        for dimension in output.type.tensor_type.shape.dim:
            dimension.Clear()


def _expect_fixed_outputs(model: onnx.ModelProto) -> None:
    for output in model.graph.output:
        kind = output.type.tensor_type
        if not kind.HasField("shape") or not all(item.HasField("dim_value") for item in kind.shape.dim):
            raise ClientError(
                f"The shape of the output {output.name} depends on the values of the inputs; only outputs of a "
                "fixed shape can be compiled yet. Leave it out of the exported model, or fix its size."
            )
