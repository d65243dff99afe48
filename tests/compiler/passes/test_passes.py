"""Each pass: how many places it changes, and that the graph computes the same."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.shape_inference import infer_shapes

from ironworks.compiler.graph import checked
from ironworks.compiler.passes import apply_passes
from ironworks.compiler.passes.drop_identity import drop_identity
from ironworks.compiler.passes.drop_unused_constants import drop_unused_constants
from ironworks.compiler.passes.fold_batch_norm import fold_batch_norm
from ironworks.compiler.passes.fold_constants import fold_constants
from ironworks.compiler.passes.fuse_layer_norm import fuse_layer_norm
from ironworks.compiler.references.interpreter import InterpretedModel

RANDOM = np.random.default_rng(0)


def model(nodes, shape, constants=None, outputs=("y",)):
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [
            numpy_helper.from_array(array.astype(np.float32), name)
            for name, array in (constants or {}).items()
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])


def rewrite(proto, rewriting):
    """Apply the pass; answer its count, after making sure that it changed no output."""
    inputs = {
        "x": RANDOM.random(
            [dim.dim_value for dim in proto.graph.input[0].type.tensor_type.shape.dim], np.float32
        )
    }
    before = InterpretedModel(proto).run(inputs)
    count = rewriting(proto)
    for old, new in zip(before, InterpretedModel(proto).run(inputs), strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-5, atol=1e-6)
    return count


def norm(channels):
    return {name: RANDOM.random(channels) + 0.5 for name in ("gamma", "beta", "mean", "variance")}


NORM = helper.make_node("BatchNormalization", ["h", "gamma", "beta", "mean", "variance"], ["y"], epsilon=1e-3)


def test_identity_in_the_middle_and_at_the_end_is_dropped():
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Identity", ["a"], ["b"]),
        helper.make_node("Dropout", ["b"], ["c"]),
        helper.make_node("Neg", ["c"], ["d"]),
        helper.make_node("Identity", ["d"], ["y"]),
    ]
    proto = model(nodes, [2, 3])
    assert rewrite(proto, drop_identity) == 3
    assert [node.op_type for node in proto.graph.node] == ["Relu", "Neg"]


def test_an_identity_between_an_input_and_an_output_stays():
    proto = model([helper.make_node("Identity", ["x"], ["y"])], [2])
    assert rewrite(proto, drop_identity) == 0


def test_one_tensor_under_two_output_names_keeps_both():
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Identity", ["a"], ["y"]),
        helper.make_node("Identity", ["a"], ["z"]),
    ]
    proto = model(nodes, [2], outputs=("y", "z"))
    assert rewrite(proto, drop_identity) == 1


def test_a_dropout_whose_mask_is_used_stays():
    proto = model([helper.make_node("Dropout", ["x"], ["y", "mask"])], [2])
    assert rewrite(proto, drop_identity) == 0


@pytest.mark.parametrize("bias", [True, False])
def test_a_norm_after_a_convolution_is_folded(bias):
    constants = {"w": RANDOM.standard_normal((4, 3, 3, 3)), "b": RANDOM.random(4)} | norm(4)
    nodes = [helper.make_node("Conv", ["x", "w", "b"] if bias else ["x", "w"], ["h"]), NORM]
    proto = model(nodes, [1, 3, 6, 6], constants)
    assert rewrite(proto, fold_batch_norm) == 1
    assert [node.op_type for node in proto.graph.node] == ["Conv"]


@pytest.mark.parametrize("transposed", [0, 1])
def test_a_norm_after_a_dense_layer_is_folded(transposed):
    constants = {"w": RANDOM.standard_normal((4, 3) if transposed else (3, 4)), "b": RANDOM.random(4)} | norm(
        4
    )
    proto = model(
        [helper.make_node("Gemm", ["x", "w", "b"], ["h"], transB=transposed), NORM], [5, 3], constants
    )
    assert rewrite(proto, fold_batch_norm) == 1


def test_two_norms_in_a_row_are_folded_one_after_the_other():
    constants = {"w": RANDOM.standard_normal((4, 3))} | norm(4)
    parameters = ["gamma", "beta", "mean", "variance"]
    nodes = [
        helper.make_node("Gemm", ["x", "w"], ["h"], transB=1),
        helper.make_node("BatchNormalization", ["h", *parameters], ["i"]),
        helper.make_node("BatchNormalization", ["i", *parameters], ["y"]),
    ]
    assert rewrite(model(nodes, [5, 3], constants), fold_batch_norm) == 2


def test_layers_that_share_a_weight_get_one_each():
    constants = {"w": RANDOM.standard_normal((3, 3))} | norm(3)
    nodes = [
        helper.make_node("Gemm", ["x", "w"], ["i"], transB=1),
        helper.make_node("Gemm", ["i", "w"], ["h"], transB=1),
        NORM,
    ]
    assert rewrite(model(nodes, [5, 3], constants), fold_batch_norm) == 1


@pytest.mark.parametrize(
    "nodes",
    [
        [helper.make_node("Gemm", ["x", "w"], ["h"], transB=1, alpha=2.0), NORM],
        [helper.make_node("Gemm", ["x", "w"], ["h"], transB=1), NORM, helper.make_node("Neg", ["h"], ["z"])],
        [helper.make_node("Relu", ["x"], ["h"]), NORM],
        [helper.make_node("Neg", ["w"], ["v"]), helper.make_node("Gemm", ["x", "v"], ["h"], transB=1), NORM],
    ],
    ids=["alpha", "used-twice", "no-layer", "computed-weight"],
)
def test_what_cannot_be_folded_stays(nodes):
    constants = {"w": RANDOM.standard_normal((3, 3))} | norm(3)
    outputs = ("y", "z") if len(nodes) == 3 and nodes[2].output[0] == "z" else ("y",)
    assert rewrite(model(nodes, [5, 3], constants, outputs), fold_batch_norm) == 0


def test_unused_constants_are_dropped():
    proto = model([helper.make_node("Relu", ["x"], ["y"])], [2], {"left": np.ones(3)})
    assert rewrite(proto, drop_unused_constants) == 1
    assert not proto.graph.initializer


def test_a_model_with_subgraphs_is_left_as_it_is():
    branch = helper.make_graph(
        [helper.make_node("Identity", ["a"], ["r"])],
        "b",
        [],
        [helper.make_tensor_value_info("r", TensorProto.FLOAT, [2])],
    )
    nodes = [
        helper.make_node("Identity", ["x"], ["a"]),
        helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch),
    ]
    proto = model(nodes, [2])
    proto.graph.initializer.append(numpy_helper.from_array(np.array(True), "c"))
    assert apply_passes(proto) == {}
    assert len(proto.graph.node) == 2


def test_all_passes_together_leave_a_valid_graph():
    constants = {"w": RANDOM.standard_normal((4, 3, 3, 3))} | norm(4)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["g"]),
        helper.make_node("Identity", ["g"], ["h"]),
        NORM,
    ]
    proto = model(nodes, [1, 3, 6, 6], constants)
    for output in proto.graph.output:
        output.CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4, 4, 4]))
    counts = apply_passes(proto)
    assert counts == {
        "fold_constants": 0,
        "drop_identity": 1,
        "fuse_layer_norm": 0,
        "fold_batch_norm": 1,
        "drop_unused_constants": 5,
    }
    checked(proto)


def test_what_changes_nothing_is_dropped():
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Mul", ["a", "one"], ["b"]),
        helper.make_node("Div", ["b", "one"], ["c"]),
        helper.make_node("Cast", ["c"], ["d"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["d", "two"], ["y"]),
    ]
    proto = infer_shapes(model(nodes, [2, 3], {"one": np.array(1.0), "two": np.array(2.0)}))
    assert rewrite(proto, drop_identity) == 3
    assert [node.op_type for node in proto.graph.node] == ["Relu", "Mul"]


def test_what_changes_a_shape_or_a_dtype_is_kept():
    nodes = [
        helper.make_node("Mul", ["x", "ones"], ["a"]),
        helper.make_node("Cast", ["a"], ["b"], to=TensorProto.FLOAT16),
        helper.make_node("Cast", ["b"], ["y"], to=TensorProto.FLOAT),
    ]
    proto = infer_shapes(model(nodes, [3], {"ones": np.ones((2, 1))}))
    assert rewrite(proto, drop_identity) == 0


def test_arithmetic_on_shapes_and_constants_is_done_at_once():
    nodes = [
        helper.make_node("Relu", ["x"], ["r"]),
        helper.make_node("Shape", ["r"], ["s"]),
        helper.make_node("Constant", [], ["zero"], value=numpy_helper.from_array(np.array([0]))),
        helper.make_node("Gather", ["s", "zero"], ["rows"]),
        helper.make_node("Constant", [], ["rest"], value=numpy_helper.from_array(np.array([-1]))),
        helper.make_node("Concat", ["rows", "rest"], ["target"], axis=0),
        helper.make_node("Reshape", ["r", "target"], ["f"]),
        helper.make_node("Exp", ["w"], ["e"]),
        helper.make_node("Mul", ["f", "e"], ["y"]),
    ]
    proto = infer_shapes(model(nodes, [2, 3, 4], {"w": RANDOM.random(12)}), data_prop=True)
    assert rewrite(proto, fold_constants) == 6
    assert [node.op_type for node in proto.graph.node] == ["Relu", "Reshape", "Mul"]


def test_an_output_that_is_known_and_chance_are_kept():
    nodes = [
        helper.make_node("RandomUniform", [], ["u"], shape=[2]),
        helper.make_node("Exp", ["w"], ["y"]),
        helper.make_node("Add", ["x", "u"], ["z"]),
    ]
    proto = infer_shapes(model(nodes, [2], {"w": np.ones(2)}, ("y", "z")))
    assert fold_constants(proto) == 0


def test_a_result_much_larger_than_what_it_is_made_of_is_kept(monkeypatch):
    monkeypatch.setattr(sys.modules[fold_constants.__module__], "_LARGEST", 10)
    nodes = [
        helper.make_node("Constant", [], ["s"], value=numpy_helper.from_array(np.array([40, 2]))),
        helper.make_node("Expand", ["w", "s"], ["e"]),
        helper.make_node("Add", ["x", "e"], ["y"]),
    ]
    proto = infer_shapes(model(nodes, [40, 2], {"w": np.ones(2)}), data_prop=True)
    assert rewrite(proto, fold_constants) == 1  # the constant's own node


def written_out(square, scaled=("gamma", "beta"), axes=(-1,)):
    """Layer normalisation as exporters before opset 17 write it."""
    squares = ("Mul", ["d", "d"]) if square == "Mul" else ("Pow", ["d", "two"])
    nodes = [
        helper.make_node("Relu", ["x"], ["r"]),
        helper.make_node("ReduceMean", ["r", "axes"], ["m"]),
        helper.make_node("Sub", ["r", "m"], ["d"]),
        helper.make_node(*squares, ["q"]),
        helper.make_node("ReduceMean", ["q", "axes"], ["v"]),
        helper.make_node("Add", ["v", "epsilon"], ["t"]),
        helper.make_node("Sqrt", ["t"], ["s"]),
        helper.make_node("Div", ["d", "s"], ["n"]),
    ]
    last = "n"
    for operator, name in zip(("Mul", "Add"), scaled, strict=False):
        nodes.append(helper.make_node(operator, [last, name], [f"{last}{operator}"]))
        last = f"{last}{operator}"
    nodes.append(helper.make_node("Neg", [last], ["y"]))
    constants = {"two": np.array(2.0), "epsilon": np.array(1e-5)}
    constants |= {"gamma": RANDOM.random(8) + 0.5, "beta": RANDOM.random(8)}
    proto = model(nodes, [2, 3, 8], constants)
    proto.graph.initializer.append(numpy_helper.from_array(np.array(axes), "axes"))
    return infer_shapes(proto)


@pytest.mark.parametrize("square", ["Mul", "Pow"])
@pytest.mark.parametrize("scaled", [(), ("gamma",), ("gamma", "beta")])
def test_layer_normalisation_that_is_written_out_becomes_one_node(square, scaled):
    proto = written_out(square, scaled)
    assert rewrite(proto, fuse_layer_norm) == 1
    assert [node.op_type for node in proto.graph.node] == ["Relu", "LayerNormalization", "Neg"]


def test_what_only_looks_like_layer_normalisation_is_kept():
    assert rewrite(written_out("Mul", axes=(1,)), fuse_layer_norm) == 0
    read_elsewhere = written_out("Mul")
    read_elsewhere.graph.output.append(helper.make_tensor_value_info("d", TensorProto.FLOAT, [2, 3, 8]))
    assert rewrite(read_elsewhere, fuse_layer_norm) == 0
    cube = written_out("Pow")
    next(item for item in cube.graph.initializer if item.name == "two").CopyFrom(
        numpy_helper.from_array(np.float32(4), "two")
    )
    assert rewrite(cube, fuse_layer_norm) == 0
    double = written_out("Mul", ())
    for value in (*double.graph.input, *double.graph.value_info):
        value.type.tensor_type.elem_type = TensorProto.DOUBLE
    assert fuse_layer_norm(double) == 0
    old = written_out("Mul")
    old.opset_import[0].version = 13
    assert fuse_layer_norm(old) == 0
