"""Gives the inputs of an ONNX model the shapes that are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import onnx
from onnx import shape_inference

from ironworks.compiler.frontends import match_inputs
from ironworks.errors import ClientError

_CONSTANTS_ALONE = 4
"""The first IR version in which a constant need not be an input."""


def bind(model: onnx.ModelProto, shapes: Mapping[str, Sequence[int]]) -> None:
    """Fix every size of every input, and forget what was inferred for others.

    Constants that are listed among the inputs, as all were up to IR version 3, are inputs no longer.

    Raises:
        ClientError: names do not fit, a fixed size would change, or a size that has a name gets two values.
    """
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [item for item in model.graph.input if item.name not in constants]
    match_inputs(shapes, [item.name for item in inputs])
    for item in inputs:
        if not item.type.tensor_type.HasField("shape"):  # any number of axes
            item.type.tensor_type.shape.dim.extend(
                onnx.TensorShapeProto.Dimension() for _ in shapes[item.name]
            )
        _fit(item, shapes[item.name])
    _agree(inputs, shapes)
    for item in inputs:
        for dimension, size in zip(item.type.tensor_type.shape.dim, shapes[item.name], strict=True):
            dimension.dim_value = size
    bound = [item for item in model.graph.input if item.name not in constants]
    del model.graph.input[:]
    model.graph.input.extend(bound)
    model.ir_version = max(model.ir_version, _CONSTANTS_ALONE)
    del model.graph.value_info[:]
    _forget_sizes_of_outputs(model)


def _forget_sizes_of_outputs(model: onnx.ModelProto) -> None:
    """Leave the sizes of outputs open; where even the number of axes is not said, infer the shape."""
    for output in model.graph.output:
        for dimension in output.type.tensor_type.shape.dim:
            dimension.Clear()
    if all(output.type.tensor_type.HasField("shape") for output in model.graph.output):
        return
    inferred = {output.name: output for output in shape_inference.infer_shapes(model).graph.output}
    for output in model.graph.output:
        output.CopyFrom(inferred[output.name])


def _fixed(dimension: onnx.TensorShapeProto.Dimension) -> bool:
    """Whether a size is given; exporters write 0 and -1 for those that are not."""
    return dimension.HasField("dim_value") and dimension.dim_value > 0


def _fit(item: onnx.ValueInfoProto, given: Sequence[int]) -> None:
    declared = item.type.tensor_type.shape.dim
    fits = len(declared) == len(given) and all(
        not _fixed(dimension) or dimension.dim_value == size
        for dimension, size in zip(declared, given, strict=False)
    )
    if not fits:
        expected = [
            dimension.dim_value if _fixed(dimension) else dimension.dim_param or "?" for dimension in declared
        ]
        raise ClientError(
            f"DataInputConfig gives the input {item.name} the shape {list(given)}, and the model takes {expected}."
        )


def _agree(inputs: Sequence[onnx.ValueInfoProto], shapes: Mapping[str, Sequence[int]]) -> None:
    """Make sure that each size with a name is the same wherever the name occurs."""
    places: dict[str, dict[int, list[str]]] = {}
    for item in inputs:
        sizes = zip(item.type.tensor_type.shape.dim, shapes[item.name], strict=True)
        for axis, (dimension, size) in enumerate(sizes):
            if dimension.dim_param:
                places.setdefault(dimension.dim_param, {}).setdefault(size, []).append(f"{item.name}[{axis}]")
    conflicts = [
        f"{name} would be " + " and ".join(f"{size} in {', '.join(where)}" for size, where in found.items())
        for name, found in places.items()
        if len(found) > 1
    ]
    if conflicts:
        raise ClientError(
            f"DataInputConfig gives one size of the model several values: {'; '.join(conflicts)}. Give each of "
            "these places the same number."
        )
