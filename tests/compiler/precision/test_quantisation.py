"""Graphs with reduced weights: what is stored, and what they answer."""

from __future__ import annotations

from collections import Counter

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper
from tests.compiler.native.networks import expected, graph
from tests.compiler.precision.networks import FEATURES, convolutional, dense

from ironworks.compiler.backends import BackendSkipped
from ironworks.compiler.graph import checked
from ironworks.compiler.precision.quantisation import quantise, quantise_dynamically, quantise_weights
from ironworks.compiler.precision.rounding import round_weights

DENSE, PRODUCT, CONVOLUTION = dense(), dense(transposed=False), convolutional()
EVERY = [quantise_dynamically, quantise_weights, round_weights, lambda model: quantise(model, [])]


def inputs(model, count, seed=0):
    shape = [size.dim_value for size in model.graph.input[0].type.tensor_type.shape.dim]
    random = np.random.default_rng(seed)
    return [{"data": random.random(shape, np.float32)} for _ in range(count)]


def operators(model):
    return Counter(node.op_type for node in model.graph.node)


def stored(model, kind):
    """How many numbers of a type the constants have."""
    return sum(numpy_helper.to_array(item).size for item in model.graph.initializer if item.data_type == kind)


def off(reduced, model):
    """The largest difference for inputs that were not calibrated with, as a part of the largest value."""
    differences = []
    for item in inputs(model, 10, seed=1):
        wanted = expected(model, item["data"])
        differences.append(np.abs(expected(reduced, item["data"]) - wanted).max() / np.abs(wanted).max())
    return max(differences)


@pytest.mark.parametrize("model", [DENSE, PRODUCT, CONVOLUTION])
def test_weights_and_activations_are_quantised_by_what_the_calibration_saw(model):
    before = model.SerializeToString()
    reduced = quantise(model, inputs(model, 20))
    onnx.checker.check_model(reduced)
    products = sum(operators(model)[name] for name in ("Conv", "Gemm", "MatMul"))
    assert operators(reduced)["QuantizeLinear"] >= products
    assert stored(reduced, TensorProto.INT8) >= sum(
        numpy_helper.to_array(item).size for item in model.graph.initializer if len(item.dims) > 1
    )
    assert 1e-6 < off(reduced, model) < 0.1
    assert model.SerializeToString() == before


def test_the_range_of_an_activation_is_the_calibrations():
    wide = [{"data": np.full((1, FEATURES), 8, np.float32)}, {"data": np.full((1, FEATURES), -8, np.float32)}]
    reduced = quantise(DENSE, wide)
    first = next(
        node for node in reduced.graph.node if node.op_type == "QuantizeLinear" and node.input[0] == "data"
    )
    scale = next(item for item in reduced.graph.initializer if item.name == first.input[1])
    assert numpy_helper.to_array(scale) == pytest.approx(16 / 255)


def test_scores_stay_in_float32():
    reduced = quantise(DENSE, inputs(DENSE, 4))
    softmax = next(node for node in reduced.graph.node if node.op_type == "Softmax")
    producer = next(node for node in reduced.graph.node if softmax.input[0] in node.output)
    assert producer.op_type == "Gemm"


@pytest.mark.parametrize("model", [DENSE, PRODUCT])
def test_dense_layers_quantise_their_inputs_at_each_call(model):
    reduced = quantise_dynamically(model)
    assert operators(reduced)["MatMulInteger"] == 3
    assert operators(reduced)["DynamicQuantizeLinear"] == 3
    assert 1e-6 < off(reduced, model) < 0.1


@pytest.mark.parametrize("model", [DENSE, PRODUCT, CONVOLUTION])
def test_a_weight_is_off_by_half_a_step_of_its_channel_at_most(model):
    reduced = quantise_weights(model)
    onnx.checker.check_model(reduced)
    constants = {item.name: numpy_helper.to_array(item) for item in reduced.graph.initializer}
    weights = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    nodes = [node for node in reduced.graph.node if node.op_type == "DequantizeLinear"]
    assert len(nodes) == 3
    for node in nodes:
        whole, scale, zero = (constants[name] for name in node.input)
        axis, original = node.attribute[0].i, weights[node.output[0]]
        shape = [-1 if number == axis else 1 for number in range(original.ndim)]
        assert whole.dtype == np.int8 and len(scale) == original.shape[axis] and not zero.any()
        assert (np.abs(whole * scale.reshape(shape) - original) <= scale.reshape(shape) * 0.501).all()
        assert (np.abs(whole).max(tuple(set(range(original.ndim)) - {axis})) == 127).all()
    assert 1e-6 < off(reduced, model) < 0.1


def test_a_channel_of_zeros_stays_zero():
    weights = np.zeros((2, 3), np.float32)
    weights[1] = 1
    model = graph([("Gemm", ["data", "w"], "y", {"transB": 1})], {"data": [1, 3]}, {"w": weights})
    x = np.ones((1, 3), np.float32)
    np.testing.assert_allclose(expected(quantise_weights(model), x), [[0, 3]], rtol=1e-6)


@pytest.mark.parametrize("model", [DENSE, PRODUCT, CONVOLUTION])
def test_bfloat16_weights_take_half_the_bytes_and_are_rounded_to_nearest(model):
    reduced = round_weights(model)
    onnx.checker.check_model(reduced)
    weights = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    rounded = [item for item in reduced.graph.initializer if item.data_type == TensorProto.BFLOAT16]
    assert len(rounded) == 3
    for item in rounded:
        original = weights[item.name.removesuffix("_bf16")]
        assert len(item.raw_data) == original.nbytes / 2
        found = numpy_helper.to_array(item).astype(np.float32)
        np.testing.assert_array_equal(found, original.astype(ml_dtypes.bfloat16).astype(np.float32))
    assert 1e-6 < off(reduced, model) < 0.02


def test_a_weight_of_two_layers_is_stored_once():
    constants = {"w": np.eye(4, dtype=np.float32)}
    nodes = [("Gemm", ["data", "w"], "h", {"transB": 1}), ("MatMul", ["h", "w"], "y", {})]
    reduced = quantise_weights(graph(nodes, {"data": [1, 4]}, constants))
    assert operators(reduced)["DequantizeLinear"] == 1
    x = np.float32([[1, 2, 3, 4]])
    np.testing.assert_allclose(expected(reduced, x), x, rtol=1e-6)


@pytest.mark.parametrize("reduce", EVERY)
def test_a_model_without_products_has_nothing_to_reduce(reduce):
    model = graph([("Relu", ["data"], "y", {})], {"data": [1, 4]})
    with pytest.raises(BackendSkipped, match="no dense"):
        reduce(model)


@pytest.mark.parametrize("reduce", EVERY)
def test_a_product_of_two_inputs_has_no_weights(reduce):
    model = graph([("MatMul", ["data", "other"], "y", {})], {"data": [2, 3], "other": [3, 2]})
    with pytest.raises(BackendSkipped, match="no dense"):
        reduce(model)


@pytest.mark.parametrize("reduce", EVERY)
def test_operators_of_before_version_13_are_refused(reduce):
    model = dense()
    model.opset_import[0].version = 12
    with pytest.raises(BackendSkipped, match="operators of version 12, which cannot be reduced"):
        reduce(model)


def test_a_model_of_other_operators_than_onnx_own_is_refused(caplog):
    node = onnx.helper.make_node("Normalizer", ["data"], ["y"], domain="ai.onnx.ml", norm="MAX")
    value = lambda name: onnx.helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4])  # noqa: E731
    model = onnx.helper.make_model(
        onnx.helper.make_graph([node], "g", [value("data")], [value("y")]),
        opset_imports=[onnx.helper.make_opsetid("ai.onnx.ml", 3)],
    )
    for reduce in EVERY:
        with pytest.raises(BackendSkipped, match="no dense"):
            reduce(model)
    assert not caplog.records


def test_a_convolution_has_no_dynamic_form():
    same = {"pads": [1, 1, 1, 1]}
    model = graph(
        [("Conv", ["data", "w"], "y", same)], {"data": [1, 2, 4, 4]}, {"w": np.ones((2, 2, 3, 3), np.float32)}
    )
    with pytest.raises(BackendSkipped, match="no dense layer with constant weights of float32"):
        quantise_dynamically(model)


def test_an_old_file_that_lists_its_weights_as_inputs_is_reduced():
    model = dense()
    model.ir_version = 3
    for item in model.graph.initializer:
        model.graph.input.append(
            onnx.helper.make_tensor_value_info(item.name, item.data_type, list(item.dims))
        )
    reduced = quantise_weights(model)
    assert reduced.ir_version == 4
    assert {item.name for item in reduced.graph.input} == {"data", "b0", "b1", "b2"}
    assert off(reduced, DENSE) < 0.1


def test_a_model_of_indices_is_quantised_behind_its_embedding():
    random = np.random.default_rng(0)
    table = random.standard_normal((20, 32)).astype(np.float32)
    weights = random.standard_normal((128, 10)).astype(np.float32)
    nodes = [
        onnx.helper.make_node("Gather", ["table", "ids"], ["rows"]),
        onnx.helper.make_node("Flatten", ["rows"], ["flat"]),
        onnx.helper.make_node("MatMul", ["flat", "w"], ["y"]),
    ]
    constants = [numpy_helper.from_array(table, "table"), numpy_helper.from_array(weights, "w")]
    ids = onnx.helper.make_tensor_value_info("ids", TensorProto.INT64, [1, 4])
    y = onnx.helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 10])
    opset = [onnx.helper.make_opsetid("", 20)]
    made = onnx.helper.make_graph(nodes, "g", [ids], [y], constants)
    model = checked(onnx.helper.make_model(made, opset_imports=opset, ir_version=9))
    draws = [{"ids": random.integers(0, 20, (1, 4))} for _ in range(30)]
    for reduced in (quantise(model, draws), quantise_dynamically(model), quantise_weights(model)):
        x = np.int64([[3, 1, 4, 1]])
        wanted = expected(model, x)
        assert 0 < np.abs(expected(reduced, x) - wanted).max() < 0.1 * np.abs(wanted).max()


def test_what_the_quantisation_raises_is_a_reason_to_skip():
    with pytest.raises(BackendSkipped, match="ONNX Runtime's quantisation does not take the model: "):
        quantise(DENSE, [{"another": np.ones(3, np.float32)}])


def test_quantising_says_nothing_and_leaves_logging_alone(capfd, caplog):
    import logging

    handlers = list(logging.getLogger().handlers)
    quantise(DENSE, inputs(DENSE, 2))
    quantise_dynamically(DENSE)
    assert capfd.readouterr() == ("", "") and not caplog.records
    assert logging.getLogger().handlers == handlers
