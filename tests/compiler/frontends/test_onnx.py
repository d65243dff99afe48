from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from ironworks.compiler.frontends import onnx as frontend
from ironworks.errors import ClientError


def model(nodes, inputs, constants=(), output=TensorProto.FLOAT, rank=1):
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info("y", output, [f"d{axis}" for axis in range(rank)])],
        [numpy_helper.from_array(array, name) for name, array in constants],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.me", 1)]
    )


DENSE = model(
    [helper.make_node("Gemm", ["x", "w"], ["y"], "dense")],
    {"x": ["batch", 3]},
    [("w", np.ones((3, 2), np.float32))],
    rank=2,
)


def read(folder, proto, shapes):
    onnx.save(proto, folder / "net.onnx")
    return frontend.read(folder, shapes, "s3://bucket/model.tar.gz")


def test_a_free_dimension_is_bound(tmp_path):
    imported = read(tmp_path, DENSE, {"x": [4, 3]})
    assert [dim.dim_value for dim in imported.model.graph.output[0].type.tensor_type.shape.dim] == [4, 2]
    assert imported.operators == {"Gemm": 1}


def test_a_fixed_dimension_must_be_kept(tmp_path):
    with pytest.raises(
        ClientError, match=r"gives the input x the shape \[4, 5\], and the model takes \['batch', 3\]"
    ):
        read(tmp_path, DENSE, {"x": [4, 5]})


def test_another_rank_is_refused(tmp_path):
    with pytest.raises(ClientError, match="the model takes"):
        read(tmp_path, DENSE, {"x": [3]})


def test_wrong_names_are_refused(tmp_path):
    with pytest.raises(ClientError, match="The inputs of the model: x"):
        read(tmp_path, DENSE, {"data": [4, 3]})


def test_shapes_that_conflict_inside_are_refused(tmp_path):
    proto = model([helper.make_node("Add", ["x", "z"], ["y"])], {"x": ["a"], "z": ["b"]})
    with pytest.raises(ClientError, match="cannot take inputs of the shapes in DataInputConfig"):
        read(tmp_path, proto, {"x": [2], "z": [3]})


def test_operators_outside_onnx_are_all_listed(tmp_path):
    nodes = [
        helper.make_node("Magic", ["x"], ["h"], "first", domain="com.me"),
        helper.make_node("More", ["h"], ["y"], "second", domain="com.me"),
    ]
    with pytest.raises(ClientError, match=r"com.me::Magic \(first\); com.me::More \(second\)"):
        read(tmp_path, model(nodes, {"x": [1]}), {"x": [1]})


def test_an_output_of_unknown_shape_is_refused(tmp_path):
    proto = model([helper.make_node("NonZero", ["x"], ["y"])], {"x": [4]}, output=TensorProto.INT64, rank=2)
    with pytest.raises(ClientError, match="shape of the output y depends on the values"):
        read(tmp_path, proto, {"x": [4]})


def test_a_damaged_file_is_refused(tmp_path):
    (tmp_path / "net.onnx").write_bytes(b"\xff\xff not a model")
    with pytest.raises(ClientError, match=r"net.onnx is not a valid ONNX model"):
        frontend.read(tmp_path, {}, "archive")


@pytest.mark.parametrize(
    ("files", "found"), [([], "no files"), (["a.pb"], "a.pb"), (["a.onnx", "b.onnx"], "a.onnx, b.onnx")]
)
def test_anything_but_one_model_is_refused(tmp_path, files, found):
    for name in files:
        (tmp_path / name).touch()
    with pytest.raises(ClientError, match=f"must have exactly one model.*among {found}"):
        frontend.read(tmp_path, {}, "archive")
