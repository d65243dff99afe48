"""Shapes of what ai.onnx.ml's classifiers and regressors answer, which ONNX's shape inference leaves open."""

from __future__ import annotations

import onnx
from onnx import TensorProto, helper, shape_inference

_LABELS = ("classlabels_int64s", "classlabels_ints", "classlabels_strings")
_CLASSIFIERS = ("TreeEnsembleClassifier", "LinearClassifier", "SVMClassifier")
_REGRESSORS = {
    "TreeEnsembleRegressor": "n_targets",
    "TreeEnsemble": "n_targets",
    "LinearRegressor": "targets",
}
"""With the attribute that has the number of targets, 1 if it is not given."""


def add_shapes(model: onnx.ModelProto) -> None:
    """Write the shapes into `model`: one label a row, one score a class or target."""
    if not any(node.op_type in (*_CLASSIFIERS, *_REGRESSORS) for node in model.graph.node):
        return
    inferred = shape_inference.infer_shapes(model).graph
    known = {value.name: value.type.tensor_type.shape for value in (*inferred.input, *inferred.value_info)}
    outputs = {value.name: value for value in model.graph.output}
    for node in model.graph.node:
        rows = known.get(node.input[0]) if node.input else None
        if rows is None or not rows.dim:
            continue
        for name, kind in zip(node.output, _answers(node, rows.dim[0].dim_value), strict=False):
            if name in outputs:
                outputs[name].type.CopyFrom(kind)
            else:
                model.graph.value_info.append(helper.make_value_info(name, kind))


def _answers(node: onnx.NodeProto, rows: int) -> list[onnx.TypeProto]:
    """The types of the outputs of a classifier or regressor; none of any other node."""
    attributes = {item.name: item for item in node.attribute}
    if node.op_type in _REGRESSORS:
        count = attributes.get(_REGRESSORS[node.op_type])
        return [helper.make_tensor_type_proto(TensorProto.FLOAT, [rows, count.i if count else 1])]
    given = [attributes[name] for name in _LABELS if name in attributes]
    classes = sum(len(item.ints) + len(item.strings) for item in given)
    if node.op_type not in _CLASSIFIERS or not classes:
        return []
    labels = TensorProto.STRING if any(item.strings for item in given) else TensorProto.INT64
    return [
        helper.make_tensor_type_proto(labels, [rows]),
        helper.make_tensor_type_proto(TensorProto.FLOAT, [rows, classes]),
    ]
