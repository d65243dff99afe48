"""One look over an ONNX model lists everything that cannot be compiled."""

from __future__ import annotations

import onnx
import pytest
from onnx import TensorProto, helper

from ironworks.compiler.frontends import onnx as frontend
from ironworks.errors import ClientError


def read(folder, nodes, output="y", functions=(), opset=20, value=None):
    graph = helper.make_graph(
        nodes,
        "net",
        [value or helper.make_tensor_value_info("x", TensorProto.FLOAT, [4])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n"])],
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in (("", opset), ("com.me", 1))]
    model = helper.make_model(graph, opset_imports=opsets, functions=functions, ir_version=10)
    onnx.save(model, folder / "net.onnx")
    return frontend.read(folder, {"x": [4]}, "archive")


def refusal(folder, nodes, **options):
    with pytest.raises(ClientError) as caught:
        read(folder, nodes, **options)
    return str(caught.value)


def test_operators_attributes_and_nested_nodes_are_in_one_error(tmp_path):
    branch = helper.make_graph(
        [helper.make_node("Inner", [], ["b"], "deep", domain="com.me")],
        "branch",
        [],
        [helper.make_tensor_value_info("b", TensorProto.FLOAT, [4])],
    )
    nodes = [
        helper.make_node("Magic", ["x"], ["a"], "first", domain="com.microsoft"),
        helper.make_node("Relu", ["a"], ["r"], "second", alpha=1.0),
        helper.make_node("Transpose", ["r"], ["t"], "third", perm=0),
        helper.make_node("Cast", ["t"], ["c"], "fourth"),
        helper.make_node("Upsample", ["c"], ["u"], "fifth"),
        helper.make_node("If", ["u"], ["y"], "sixth", then_branch=branch, else_branch=branch),
    ]
    message = refusal(tmp_path, nodes)
    for part in (
        "com.microsoft::Magic (first)",
        "Relu with the attribute alpha, which it does not have in opset 20, (second)",
        "Transpose with the attribute perm of another type, (third)",
        "Cast without the attribute to, which it needs, (fourth)",
        "Upsample, which opset 20 no longer has, (fifth)",
        "com.me::Inner (deep, deep)",
        "Export it without ONNX Runtime's graph optimisation",
        "Export it with standard operators only, or deploy the model uncompiled.",
    ):
        assert part in message


def test_a_node_without_a_name_is_known_by_its_output(tmp_path):
    assert "Magic (y)" in refusal(tmp_path, [helper.make_node("Magic", ["x"], ["y"])])


def test_an_operator_that_is_newer_than_the_models_opset_is_refused(tmp_path):
    assert "Gelu (g)" in refusal(tmp_path, [helper.make_node("Gelu", ["x"], ["y"], "g")], opset=19)


def test_an_input_that_is_no_tensor_is_refused(tmp_path):
    value = helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, [4])
    message = refusal(tmp_path, [helper.make_node("SequenceLength", ["x"], ["y"], "s")], value=value)
    assert "an input or output that is a sequence (x)" in message
    assert "Take and give tensors only." in message


def test_a_function_of_the_model_is_written_out(tmp_path):
    function = helper.make_function(
        "com.me",
        "Twice",
        ["a"],
        ["b"],
        [helper.make_node("Add", ["a", "a"], ["b"])],
        [helper.make_opsetid("", 20)],
    )
    imported = read(
        tmp_path, [helper.make_node("Twice", ["x"], ["y"], domain="com.me")], functions=[function]
    )
    assert [node.op_type for node in imported.model.graph.node] == ["Add"]
