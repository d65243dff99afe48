"""Every operator against MXNet itself, and against ONNX's interpreter."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.compiler.frontends.single_operator import (
    IMAGE,
    assert_equal,
    assert_imported_equals_mxnet,
    case,
    imported,
    run_onnxruntime,
    write,
)

from ironworks.compiler.frontends.mxnet.operators import OPERATORS
from ironworks.compiler.references.interpreter import InterpretedModel
from ironworks.errors import ClientError


def norm(channels: int) -> list[tuple[int, ...]]:
    return [(channels,)] * 4


COMPARED = ["broadcast_maximum", "broadcast_minimum", "broadcast_greater", "broadcast_lesser_equal"]
SCALAR = ["plus", "minus", "rminus", "mul", "div", "rdiv", "maximum", "minimum", "rpower"]
UNARY = [
    *("abs", "ceil", "floor", "exp", "reciprocal", "erf", "relu", "sigmoid", "tanh", "softsign"),
    *("sign", "sin", "cos", "negative", "square", "expm1", "hard_sigmoid"),
]
RESHAPES = [(0, -1), (-2,), (-3, -3), (-3, 0, 0), (0, 0, -4, 2, -1, 0), (6, -1, 4), (0, -4, -1, 3, -2)]

CASES = [
    case("FullyConnected", [(3, 4, 5)], [(6, 20), (6,)], num_hidden=6),
    case("FullyConnected", [(3, 20)], [(6, 20)], num_hidden=6, no_bias=True),
    case("FullyConnected", [(3, 4, 5)], [(6, 5), (6,)], num_hidden=6, flatten=False),
    *[case("Activation", [IMAGE], act_type=kind) for kind in ("relu", "sigmoid", "tanh", "softrelu", "softsign")],
    *[case("LeakyReLU", [IMAGE], act_type=kind) for kind in ("leaky", "elu", "selu", "gelu", "rrelu")],
    case("LeakyReLU", [IMAGE], act_type="leaky", slope=0.1),
    case("LeakyReLU", [IMAGE], [(4,)], act_type="prelu"),
    case("Embedding", [("indices", (3, 5))], [(10, 4)], input_dim=10, output_dim=4),
    case("take", [(6, 3), ("indices", (2, 2))]),
    case("Convolution", [IMAGE], [(6, 4, 3, 3), (6,)], kernel=(3, 3), num_filter=6),
    case("Convolution", [(2, 4, 9)], [(6, 4, 3), (6,)], kernel=(3,), num_filter=6, stride=(2,), pad=(1,)),
    case("Convolution", [(1, 2, 4, 5, 6)], [(3, 2, 2, 2, 2), (3,)], kernel=(2, 2, 2), num_filter=3),
    case("Deconvolution", [IMAGE], [(4, 3, 4, 4)], kernel=(4, 4), num_filter=3, stride=(2, 2), pad=(1, 1)),
    case("Deconvolution", [IMAGE], [(4, 3, 3, 3), (3,)], kernel=(3, 3), num_filter=3, stride=(2, 2), adj=(1, 1),
         no_bias=False),
    *[case("Pooling", [IMAGE], global_pool=True, pool_type=kind) for kind in ("max", "avg", "sum")],
    case("Pooling", [(2, 4, 9)], kernel=(3,), stride=(2,), pool_type="max"),
    case("Pooling", [IMAGE], kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type="sum"),
    case("BatchNorm", [IMAGE], norm(4)),
    case("BatchNorm", [IMAGE], norm(4), fix_gamma=False, eps=1e-5),
    case("BatchNorm", [(3, 4)], norm(4), fix_gamma=False),
    case("BatchNorm", [IMAGE], norm(9), fix_gamma=False, axis=3),
    case("LayerNorm", [(3, 4, 5)], [(5,), (5,)]),
    case("LayerNorm", [(3, 4, 5)], [(4,), (4,)], axis=1, eps=1e-3),
    case("InstanceNorm", [IMAGE], [(4,), (4,)]),
    *[case("L2Normalization", [IMAGE], mode=mode) for mode in ("instance", "channel", "spatial")],
    case("LRN", [IMAGE], nsize=3, alpha=0.01, beta=0.7, knorm=1.5),
    case("softmax", [(3, 4, 5)]),
    case("softmax", [(3, 4, 5)], axis=1, temperature=2.0),
    case("softmin", [(3, 4, 5)]),
    case("log_softmax", [(3, 4, 5)], axis=-2),
    case("SoftmaxActivation", [(3, 4, 5)]),
    case("SoftmaxActivation", [IMAGE], mode="channel"),
    case("SoftmaxOutput", [(3, 4)]),
    case("SoftmaxOutput", [(3, 4, 5)]),
    case("SoftmaxOutput", [IMAGE], multi_output=True),
    case("SoftmaxOutput", [(3, 4, 5)], preserve_shape=True),
    case("LogisticRegressionOutput", [(3, 4)]),
    case("LinearRegressionOutput", [(3, 4)]),
    *[case(op, [(3, 4), (3, 4)]) for op in ("elemwise_add", "elemwise_sub", "elemwise_mul", "elemwise_div")],
    *[case(op, [(3, 4), (3, 1)]) for op in ("broadcast_add", "broadcast_sub", "broadcast_mul", "broadcast_div")],
    *[case(op, [(3, 4), (1, 4)]) for op in COMPARED],
    case("broadcast_power", [("positive", (3, 4)), (3, 1)]),
    case("add_n", [(3, 4), (3, 4), (3, 4)], num_args=3),
    *[case(f"_{op}_scalar", [(3, 4)], scalar=1.5) for op in SCALAR],
    case("_power_scalar", [("positive", (3, 4))], scalar=1.5),
    *[case(op, [(3, 4)]) for op in UNARY],
    *[case(op, [("positive", (3, 4))]) for op in ("sqrt", "log", "rsqrt", "log1p")],
    case("smooth_l1", [(3, 4)], scalar=2.0),
    case("clip", [(3, 4)], a_min=-0.5, a_max=0.25),
    case("Cast", [(3, 4)], dtype="int32"),
    case("where", [("indices", (3, 4)), (3, 4), (3, 4)]),
    case("zeros_like", [(3, 4)]),
    case("ones_like", [(3, 4)]),
    *[case(op, [(3, 4)]) for op in ("identity", "Dropout", "BlockGrad", "MakeLoss")],
    case("amp_multicast", [(3, 4), (3, 4)], outputs=2, num_outputs=2),
    *[case(op, [(3, 4, 5)], axis=1) for op in ("mean", "sum", "max", "min", "prod")],
    case("mean", [(3, 4, 5)]),
    case("sum", [(3, 4, 5)], axis=(0, 2), keepdims=True),
    case("max", [(3, 4, 5)], axis=(0,), exclude=True),
    case("norm", [(3, 4, 5)], axis=1),
    case("norm", [(3, 4, 5)], axis=1, ord=1, keepdims=True),
    case("argmax", [(3, 4, 5)], axis=1),
    case("argmin", [(3, 4, 5)], axis=-1, keepdims=True),
    case("dot", [(3, 4), (4, 5)]),
    case("dot", [(4, 3), (5, 4)], transpose_a=True, transpose_b=True),
    case("batch_dot", [(2, 3, 4), (2, 5, 4)], transpose_b=True),
    case("Flatten", [(3, 4, 5)]),
    *[case("Reshape", [(2, 3, 4, 6)], shape=codes) for codes in RESHAPES],
    case("Reshape", [(2, 3, 4, 6)], shape=(-1, 0), reverse=True),
    case("transpose", [(2, 3, 4)]),
    case("transpose", [(2, 3, 4)], axes=(0, 2, 1)),
    case("SwapAxis", [(2, 3, 4)], dim1=0, dim2=2),
    case("expand_dims", [(2, 3)], axis=1),
    case("expand_dims", [(2, 3)], axis=-1),
    case("squeeze", [(2, 1, 3, 1)]),
    case("squeeze", [(2, 1, 3, 1)], axis=1),
    case("Concat", [(2, 3), (2, 4)], num_args=2),
    case("Concat", [(2, 3, 1), (2, 3, 2)], num_args=2, dim=-1),
    case("stack", [(2, 3), (2, 3)], num_args=2, axis=1),
    case("SliceChannel", [(2, 6, 3)], outputs=3, num_outputs=3),
    case("SliceChannel", [(2, 6, 3)], outputs=3, num_outputs=3, axis=2, squeeze_axis=True),
    case("slice", [(4, 5, 6)], begin=(1, None), end=(3, 4)),
    case("slice", [(4, 5, 6)], begin=(None, 4), end=(None, 0), step=(2, -1)),
    case("slice_axis", [(4, 5, 6)], axis=1, begin=1, end=None),
    case("slice_axis", [(4, 5, 6)], axis=-1, begin=-3, end=-1),
    case("slice_like", [(4, 5), (2, 3)]),
    case("slice_like", [(4, 5), (2, 3)], axes=(1,)),
    case("tile", [(2, 3)], reps=(2, 1, 3)),
    case("Pad", [IMAGE], mode="constant", pad_width=(0, 0, 0, 0, 1, 2, 3, 0), constant_value=0.5),
    case("Pad", [IMAGE], mode="edge", pad_width=(0, 0, 0, 0, 1, 2, 3, 0)),
    case("Pad", [IMAGE], mode="reflect", pad_width=(0, 0, 0, 0, 1, 2, 3, 0)),
    case("UpSampling", [IMAGE], scale=2, sample_type="nearest", num_args=1),
    case("broadcast_to", [(1, 3)], shape=(2, 0)),
    case("broadcast_axis", [(1, 3, 1)], axis=(0, 2), size=(2, 4)),
    case("broadcast_like", [(1, 3), (2, 3)]),
    case("_contrib_AdaptiveAvgPooling2D", [(2, 3, 6, 8)], output_size=(3, 2)),
    case("_contrib_AdaptiveAvgPooling2D", [IMAGE]),
]  # fmt: skip


@pytest.mark.parametrize(("op", "shapes", "weights", "outputs", "attributes"), CASES)
def test_equals_mxnet(originals, symbol, tmp_path, op, shapes, weights, outputs, attributes):
    assert_imported_equals_mxnet(originals, symbol, tmp_path, op, shapes, weights, outputs, attributes)


INTERPRETED = [
    item
    for item in CASES
    if item.values[0] in ("FullyConnected", "Convolution", "BatchNorm", "Reshape", "slice")
]


@pytest.mark.parametrize(("op", "shapes", "weights", "outputs", "attributes"), INTERPRETED)
def test_means_the_same_to_onnx(symbol, tmp_path, op, shapes, weights, outputs, attributes):
    inputs = write(symbol, tmp_path, op, shapes, weights, outputs, attributes)
    model = imported(tmp_path, inputs)
    assert_equal(run_onnxruntime(model, inputs), InterpretedModel(model).run(inputs))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_convolution_equals_mxnet(originals, symbol, tmp_path, data):
    symbol.nodes.clear()
    pair = lambda low, high: data.draw(st.tuples(*[st.integers(low, high)] * 2))  # noqa: E731
    groups = data.draw(st.sampled_from([1, 2, 4]))
    kernel, stride, pad, dilate = pair(1, 3), pair(1, 3), pair(0, 2), pair(1, 2)
    attributes = dict(kernel=kernel, stride=stride, pad=pad, dilate=dilate, num_filter=4, num_group=groups)  # noqa: C408
    inputs = write(symbol, tmp_path, "Convolution", [IMAGE], [(4, 4 // groups, *kernel), (4,)], 1, attributes)
    assert_equal(run_onnxruntime(imported(tmp_path, inputs), inputs), originals.run_model(tmp_path, inputs))


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_pooling_equals_mxnet_or_is_refused(originals, symbol, tmp_path, data):
    symbol.nodes.clear()
    kernel = data.draw(st.tuples(*[st.integers(1, 4)] * 2))
    stride = data.draw(st.tuples(*[st.integers(1, 3)] * 2))
    pad = tuple(data.draw(st.integers(0, size - 1)) for size in kernel)
    attributes = {
        "kernel": kernel,
        "stride": stride,
        "pad": pad,
        "pool_type": data.draw(st.sampled_from(["max", "avg"])),
        "pooling_convention": data.draw(st.sampled_from(["valid", "full"])),
        "count_include_pad": data.draw(st.booleans()),
    }
    inputs = write(symbol, tmp_path, "Pooling", [IMAGE], [], 1, attributes)
    try:
        model = imported(tmp_path, inputs)
    except ClientError as error:
        assert "outside the input" in str(error)
        return
    assert_equal(run_onnxruntime(model, inputs), originals.run_model(tmp_path, inputs))


def test_a_deconvolution_with_a_target_shape_pads_as_mxnet_infers(originals, symbol, tmp_path):
    """MXNet's own CPU code cannot run it (oneDNN refuses), so the original has the pads written out."""
    weights, shared = [(4, 3, 3, 3)], {"kernel": (3, 3), "num_filter": 3, "stride": (2, 2)}
    explicit = shared | {"pad": (1, 1), "adj": (1, 1)}
    inputs = write(symbol, tmp_path / "explicit", "Deconvolution", [IMAGE], weights, 1, explicit)
    expected = originals.run_model(tmp_path / "explicit", inputs)
    symbol.nodes.clear()
    target = shared | {"target_shape": (14, 18)}
    write(symbol, tmp_path / "target", "Deconvolution", [IMAGE], weights, 1, target)
    assert_equal(run_onnxruntime(imported(tmp_path / "target", inputs), inputs), expected)


REFUSED = [
    case("Dropout", [IMAGE], mode="always"),
    case("Reshape", [IMAGE], target_shape=(2, -1), keep_highest=True),
    case("Activation", [IMAGE], act_type="mish"),
    case("LeakyReLU", [IMAGE], act_type="other"),
    case("Convolution", [IMAGE], [(6, 4, 3, 3), (6,)], kernel=(3, 3), num_filter=6, layout="NHWC"),
    case("Pooling", [IMAGE], kernel=(2, 2), pool_type="lp"),
    case("Pooling", [IMAGE], kernel=(2, 2), pooling_convention="same"),
    case("BatchNorm", [IMAGE], norm(4), output_mean_var=True),
    case("norm", [(3, 4)], ord=3),
    case("log_softmax", [(3, 4)], use_length=True),
    case("_contrib_ROIAlign", [IMAGE, (2, 5)], pooled_size=(2, 2), spatial_scale=1, position_sensitive=True),
    case("_arange", [], start=0, infer_range=True),
    case("SequenceReverse", [(3, 2)], axis=1),
    case("RNN", [(3, 1, 2), (1, 1, 2)], state_size=2, num_layers=1, mode="gru", projection_size=1),
]


@pytest.mark.parametrize(("op", "shapes", "weights", "outputs", "attributes"), REFUSED)
def test_refuses_an_unsupported_value_by_operator_attribute_and_node(
    symbol, tmp_path, op, shapes, weights, outputs, attributes
):
    inputs = write(symbol, tmp_path, op, shapes, weights, outputs, attributes)
    (key, value) = list(attributes.items())[-1]
    with pytest.raises(
        ClientError,
        match=rf"cannot be compiled yet: {op} with {key}={value}, not .*, \(op\)\. .*deploy the model uncompiled",
    ):
        imported(tmp_path, inputs)


REFUSED_FOR_SHAPES = [
    (case("dot", [(2, 3, 4), (4, 5)]), "it multiplies other than two matrices"),
    (
        case("Pooling", [(1, 1, 4, 4)], kernel=(1, 1), stride=(2, 2), pooling_convention="full"),
        "its last window lies outside the input",
    ),
    (case("_contrib_box_nms", [(4, 6)], overlap_thresh=-0.5), "overlap_thresh is negative"),
]


@pytest.mark.parametrize(("parts", "reason"), [(item.values, reason) for item, reason in REFUSED_FOR_SHAPES])
def test_refuses_what_only_the_shapes_show_by_operator_and_node(symbol, tmp_path, parts, reason):
    inputs = write(symbol, tmp_path, *parts)
    with pytest.raises(ClientError, match=rf"cannot be compiled yet: {parts[0]}: .*{reason} \(op\)\. "):
        imported(tmp_path, inputs)


CONFLICTS = [
    case("FullyConnected", [(3, 21)], [(6, 20), (6,)], num_hidden=6),
    case("Convolution", [(1, 5, 8, 8)], [(6, 4, 3, 3), (6,)], kernel=(3, 3), num_filter=6),
    case("Convolution", [(1, 4)], [(6, 4, 3, 3), (6,)], kernel=(3, 3), num_filter=6),
    case("Pooling", [(1, 4, 2, 2)], kernel=(5, 5)),
    case("BatchNorm", [(2, 5, 3)], norm(4)),
    case("elemwise_add", [(3, 4), (5, 6)]),
    case("Concat", [(2, 3), (4, 5)], num_args=2),
    case("Reshape", [(2, 3)], shape=(4, 2)),
    case("softmax", [(2, 3)], axis=5),
    case("SliceChannel", [(2, 5)], num_outputs=2),
    case("squeeze", [(2, 5)], axis=1),
    case("Deconvolution", [IMAGE], [(4, 3, 2, 2)], kernel=(2, 2), num_filter=3, target_shape=(90, 90)),
]


@pytest.mark.parametrize(("op", "shapes", "weights", "outputs", "attributes"), CONFLICTS)
def test_names_node_and_shapes_where_shapes_conflict(
    symbol, tmp_path, op, shapes, weights, outputs, attributes
):
    inputs = write(symbol, tmp_path, op, shapes, weights, outputs, attributes)
    first = str(list(shapes[0])).replace("[", r"\[").replace("]", r"\]")
    with pytest.raises(
        ClientError, match=rf"Node op \({op}\) cannot take its inputs x0 {first}.*DataInputConfig"
    ):
        imported(tmp_path, inputs)


def test_every_operator_of_the_classification_zoo_is_in_the_table():
    zoo = "Convolution BatchNorm Activation Pooling elemwise_add FullyConnected Flatten Dropout Concat clip"
    assert set(zoo.split()) <= set(OPERATORS)
