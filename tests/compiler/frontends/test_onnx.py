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


def two_inputs(*shapes):
    nodes = [helper.make_node("Concat", ["a", "b"], ["y"], axis=1)]
    return model(nodes, dict(zip("ab", shapes, strict=True)), rank=2)


def test_a_size_with_a_name_must_be_the_same_wherever_the_name_is(tmp_path):
    proto = two_inputs(["batch", "n"], ["batch", "n"])
    with pytest.raises(
        ClientError,
        match=r"several values: batch would be 2 in a\[0\] and 3 in b\[0\]; n would be 4 in .* 5 in b\[1\]",
    ):
        read(tmp_path, proto, {"a": [2, 4], "b": [3, 5]})
    imported = read(tmp_path, two_inputs(["batch", "n"], ["batch", "m"]), {"a": [2, 4], "b": [2, 5]})
    assert [dim.dim_value for dim in imported.model.graph.output[0].type.tensor_type.shape.dim] == [2, 9]


def test_a_name_twice_in_one_input_counts_too(tmp_path):
    with pytest.raises(ClientError, match=r"n would be 2 in a\[0\] and 3 in a\[1\]"):
        read(tmp_path, two_inputs(["n", "n"], ["k", 1]), {"a": [2, 3], "b": [2, 1]})


@pytest.mark.parametrize("unknown", [0, -1])
def test_a_size_of_0_or_less_is_open(tmp_path, unknown):
    proto = two_inputs([unknown, 2], ["m", 3])
    onnx.save(proto, tmp_path / "net.onnx")
    assert frontend.declared_shapes(tmp_path, "archive") == {"a": [0, 2], "b": [0, 3]}
    graph = read(tmp_path, proto, {"a": [4, 2], "b": [4, 3]}).model.graph
    assert graph.input[0].type.tensor_type.shape.dim[0].dim_value == 4


def test_inputs_and_outputs_without_a_shape_take_any(tmp_path):
    proto = two_inputs(["n", "m"], ["n", "k"])
    for value in (*proto.graph.input, *proto.graph.output):
        value.type.tensor_type.ClearField("shape")
    graph = read(tmp_path, proto, {"a": [2, 4], "b": [2, 5]}).model.graph
    assert [dim.dim_value for dim in graph.output[0].type.tensor_type.shape.dim] == [2, 9]


def external(folder, location="weights.bin"):
    proto = model(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        {"x": ["batch", 64]},
        [("w", np.arange(64 * 32, dtype=np.float32).reshape(64, 32))],
        rank=2,
    )
    onnx.save(proto, folder / "net.onnx", save_as_external_data=True, location=location, size_threshold=0)


def test_weights_in_a_file_beside_the_model_are_read(tmp_path):
    external(tmp_path)
    graph = frontend.read(tmp_path, {"x": [1, 64]}, "archive").model.graph
    assert numpy_helper.to_array(graph.initializer[0]).sum() == 64 * 32 * (64 * 32 - 1) / 2


def test_a_missing_file_of_weights_is_named(tmp_path):
    external(tmp_path)
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(
        ClientError, match=r"net.onnx keeps its weights in weights.bin, and there is no such file"
    ):
        frontend.read(tmp_path, {"x": [1, 64]}, "archive")


def test_a_file_of_weights_that_is_cut_short_is_refused(tmp_path):
    external(tmp_path)
    (tmp_path / "weights.bin").write_bytes(b"short")
    with pytest.raises(ClientError, match=r"external data of net.onnx cannot be read"):
        frontend.read(tmp_path, {"x": [1, 64]}, "archive")


def test_weights_outside_the_models_folder_are_refused(tmp_path):
    (tmp_path / "inner").mkdir()
    external(tmp_path / "inner")
    (tmp_path / "inner" / "weights.bin").rename(tmp_path / "weights.bin")
    proto = onnx.load(tmp_path / "inner" / "net.onnx", load_external_data=False)
    proto.graph.initializer[0].external_data[0].value = "../weights.bin"
    onnx.save(proto, tmp_path / "inner" / "net.onnx")
    with pytest.raises(ClientError, match=r"external data of net.onnx cannot be read"):
        frontend.read(tmp_path / "inner", {"x": [1, 64]}, "archive")


def test_a_model_of_more_than_2_gib_is_refused_without_reading_its_weights(tmp_path):
    external(tmp_path)
    with (tmp_path / "weights.bin").open("r+b") as file:
        file.truncate(3 * 2**30)  # takes no room on the disk
    with pytest.raises(ClientError, match=r"net.onnx has 3.00 GiB of weights, and models of less than 2 GiB"):
        frontend.read(tmp_path, {"x": [1, 64]}, "archive")


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "net.onnx").touch()
    with pytest.raises(ClientError, match=r"net.onnx is not a valid ONNX model: it is empty"):
        frontend.read(tmp_path, {}, "archive")
