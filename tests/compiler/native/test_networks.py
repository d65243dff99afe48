"""Generated code against ONNX Runtime and against the interpreter of the kernel language."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.compiler.native.networks import TARGET, close, compiled, expected, graph, interpreted

from ironworks.compiler.backends import BackendSkipped
from ironworks.compiler.native import lowering
from ironworks.compiler.native.lowering import Machine, lower
from ironworks.compiler.toolchain import levels_of

random = np.random.default_rng(0)
LEVELS = [(4, 16), (8, 16), (16, 32)]


def numbers(*shape, scale=1.0):
    return (random.standard_normal(shape) * scale).astype(np.float32)


def dense(rows, inputs, outputs):
    return graph(
        [("Gemm", ["x", "w", "b"], "y", {})],
        {"x": [rows, inputs]},
        {"w": numbers(inputs, outputs), "b": numbers(outputs)},
    )


def convolution(images, channels, height, width, outputs, kernel, attributes, group=1):
    return graph(
        [("Conv", ["x", "w", "b"], "y", {"group": group, **attributes})],
        {"x": [images, channels, height, width]},
        {"w": numbers(outputs, channels // group, *kernel), "b": numbers(outputs)},
    )


def assert_interpreted_as_expected(model, *arrays):
    wanted = expected(model, *arrays)
    for lanes, registers in LEVELS:
        close(interpreted(model, lanes, registers, *arrays), wanted)


@settings(max_examples=12, deadline=None)
@given(rows=st.integers(1, 9), inputs=st.integers(1, 40), outputs=st.integers(1, 40))
def test_a_dense_layer_of_any_size(rows, inputs, outputs):
    assert_interpreted_as_expected(dense(rows, inputs, outputs), numbers(rows, inputs))


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_convolution_of_any_window(data):
    draw = data.draw
    kernel = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    height, width = draw(st.integers(4, 9)), draw(st.integers(4, 9))
    depthwise = draw(st.booleans())
    channels = draw(st.integers(2 if depthwise else 1, 6))
    outputs = channels if depthwise else draw(st.integers(1, 20))
    attributes = {
        "strides": [draw(st.integers(1, 3)), draw(st.integers(1, 3))],
        "pads": [draw(st.integers(0, kernel[i % 2] - 1)) for i in range(4)],
        "dilations": [draw(st.integers(1, 2)) if size * 2 - 1 <= 4 else 1 for size in kernel],
    }
    images = draw(st.integers(1, 2))
    group = channels if depthwise else 1
    model = convolution(images, channels, height, width, outputs, kernel, attributes, group)
    assert_interpreted_as_expected(model, numbers(images, channels, height, width))


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_pooling_of_any_window(data):
    draw = data.draw
    kernel = [draw(st.integers(1, 5)), draw(st.integers(1, 3))]
    operator = draw(st.sampled_from(["MaxPool", "AveragePool"]))
    attributes = {
        "kernel_shape": kernel,
        "strides": [draw(st.integers(1, 3)), draw(st.integers(1, 3))],
        "pads": [draw(st.integers(0, kernel[i % 2] - 1)) for i in range(4)],
    }
    if operator == "AveragePool":
        attributes["count_include_pad"] = draw(st.integers(0, 1))
    model = graph([(operator, ["x"], "y", attributes)], {"x": [1, 3, 8, 7]})
    assert_interpreted_as_expected(model, numbers(1, 3, 8, 7))


@pytest.mark.parametrize("operator", ["GlobalAveragePool", "GlobalMaxPool"])
def test_global_pooling(operator):
    assert_interpreted_as_expected(
        graph([(operator, ["x"], "y", {})], {"x": [2, 5, 6, 7]}), numbers(2, 5, 6, 7)
    )


@pytest.mark.parametrize(
    "operator", ["Relu", "Tanh", "Sigmoid", "Exp", "Abs", "Neg", "Erf", "LeakyRelu", "Softmax"]
)
def test_functions_of_one_tensor(operator, tmp_path):
    attributes = {"axis": 1} if operator == "Softmax" else {}
    model = graph([(operator, ["x"], "y", attributes)], {"x": [3, 37]})
    x = numbers(3, 37, scale=4.0)
    assert_interpreted_as_expected(model, x)
    close(compiled(model, tmp_path).run(x)[0], expected(model, x), 1e-6)


@pytest.mark.parametrize("operator", ["Exp", "Tanh", "Sigmoid", "Softmax"])
@pytest.mark.parametrize("level", levels_of(TARGET), ids=lambda level: level.name)
def test_functions_are_right_over_their_whole_range(operator, level, tmp_path):
    ends = [
        0.0,
        -0.0,
        1e-40,
        -1e-40,
        87.3,
        88.72,
        89.0,
        -87.3,
        -88.0,
        -104.0,
        1e30,
        -1e30,
        np.inf,
        -np.inf,
        np.nan,
    ]
    x = np.concatenate([np.linspace(-100, 88, 200000), np.linspace(-1, 1, 20000), ends]).astype(np.float32)
    if operator == "Softmax":
        x = x[: len(x) - 3]  # infinities and NaN make a softmax NaN
    x = x.reshape(1, -1)
    model = graph([(operator, ["x"], "y", {})], {"x": list(x.shape)})
    found = compiled(model, tmp_path, [level]).run(x)[0]
    with np.errstate(all="ignore"):
        wide = x.astype(np.float64)
        wanted = {
            "Exp": lambda: np.exp(wide),
            "Tanh": lambda: np.tanh(wide),
            "Sigmoid": lambda: 1 / (1 + np.exp(-wide)),
            "Softmax": lambda: np.exp(wide - wide.max()) / np.exp(wide - wide.max()).sum(),
        }[operator]()
        wanted = wanted.astype(np.float32)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-37 if operator == "Exp" else 2e-7)


@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul", "Div", "Max", "Min"])
@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("other", ["tensor", "pixel", "channel", "number"])
def test_functions_of_two_tensors(operator, swapped, other):
    shapes = {"tensor": [2, 5, 4, 3], "pixel": [2, 5, 1, 1], "channel": [5, 1, 1], "number": []}
    constant = other in ("channel", "number")
    names = ["z", "x"] if swapped else ["x", "z"]
    inputs = {"x": [2, 5, 4, 3]} | ({} if constant else {"z": shapes[other]})
    z = np.abs(numbers(*shapes[other])) + np.float32(0.5)
    model = graph([(operator, names, "y", {})], inputs, {"z": z} if constant else {})
    x = np.abs(numbers(2, 5, 4, 3)) + np.float32(0.5)
    assert_interpreted_as_expected(model, x, *([] if constant else [z]))


def residual(images=1, size=9):
    """Convolutions with a sum, a norm, both kinds of pooling, a concatenation, and dense layers on top."""
    constants = {
        "w1": numbers(12, 3, 3, 3), "b1": numbers(12), "w2": numbers(12, 12, 3, 3), "w3": numbers(7, 12, 1, 1),
        "w4": numbers(12, 1, 3, 3), "s": np.abs(numbers(12)), "t": numbers(12), "m": numbers(12),
        "v": np.abs(numbers(12)) + 1, "low": np.float32(0), "high": np.float32(6), "f": numbers(19, 21, scale=0.2),
    }  # fmt: skip
    padded = {"pads": [1, 1, 1, 1]}
    nodes = [
        ("Conv", ["x", "w1", "b1"], "a", {"strides": [2, 2], **padded}),
        ("Relu", ["a"], "ar", {}),
        ("Conv", ["ar", "w2"], "b", padded),
        ("Add", ["ar", "b"], "c", {}),
        ("Relu", ["c"], "cr", {}),
        ("BatchNormalization", ["cr", "s", "t", "m", "v"], "n", {}),
        ("Conv", ["n", "w4"], "d", {"group": 12, **padded}),
        ("Clip", ["d", "low", "high"], "dc", {}),
        ("Conv", ["dc", "w3"], "e", {}),
        ("MaxPool", ["n"], "p", {"kernel_shape": [3, 3], **padded}),
        ("Concat", ["e", "p"], "q", {"axis": 1}),
        ("GlobalAveragePool", ["q"], "g", {}),
        ("Flatten", ["g"], "h", {}),
        ("MatMul", ["h", "f"], "i", {}),
        ("Softmax", ["i"], "y", {}),
    ]
    return graph(nodes, {"x": [images, 3, size, size]}, constants)


@pytest.mark.parametrize("images", [1, 3])
def test_a_network_of_everything(images, tmp_path):
    model, x = residual(images), numbers(images, 3, 9, 9)
    assert_interpreted_as_expected(model, x)
    close(compiled(model, tmp_path).run(x)[0], expected(model, x))


@pytest.mark.parametrize("level", levels_of(TARGET), ids=lambda level: level.name)
def test_compiled_code_of_each_level_equals_the_interpreter(level, tmp_path):
    model, x = residual(), numbers(1, 3, 9, 9)
    found = compiled(model, tmp_path, [level]).run(x)[0]
    close(found, interpreted(model, level.lanes, level.registers, x))


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_several_threads_answer_as_one(threads, tmp_path):
    model = convolution(1, 16, 40, 40, 48, (3, 3), {"pads": [1, 1, 1, 1]})
    x = numbers(1, 16, 40, 40)
    network = compiled(model, tmp_path, threads=threads)
    for _ in range(20):
        close(network.run(x)[0], expected(model, x))


def test_flattened_images_are_read_as_they_lie(tmp_path):
    constants = {"w": numbers(5, 1, 3, 3), "f": numbers(5 * 36, 9)}
    nodes = [("Conv", ["x", "w"], "a", {}), ("Flatten", ["a"], "b", {}), ("MatMul", ["b", "f"], "y", {})]
    model, x = graph(nodes, {"x": [2, 1, 8, 8]}, constants), numbers(2, 1, 8, 8)
    close(compiled(model, tmp_path).run(x)[0], expected(model, x))


def test_a_flattened_image_is_written_channel_by_channel():
    nodes = [("Relu", ["x"], "a", {}), ("Flatten", ["a"], "b", {}), ("Neg", ["b"], "y", {})]
    assert_interpreted_as_expected(graph(nodes, {"x": [2, 3, 4, 5]}), numbers(2, 3, 4, 5))


@pytest.mark.parametrize("zeros", [0.0, 0.5, 0.9, 1.0])
def test_zero_inputs_are_skipped_exactly(zeros, tmp_path):
    model, x = dense(1, 784, 64), numbers(1, 784)
    x[random.random(x.shape) < zeros] = 0
    network = compiled(model, tmp_path)
    close(network.run(x)[0], expected(model, x), 3e-6)


@pytest.mark.parametrize("position", [0, 500, 783])
def test_not_a_number_is_not_zero(position, tmp_path):
    x = np.zeros((1, 784), np.float32)
    x[0, position] = np.nan
    assert np.isnan(compiled(dense(1, 784, 64), tmp_path).run(x)[0]).all()


@pytest.mark.parametrize("operator", ["Relu", "Clip"])
def test_not_a_number_is_not_cut_off(operator, tmp_path):
    limits = {"Relu": ([], {}), "Clip": (["low", "high"], {"low": np.float32(0), "high": np.float32(6)})}
    names, constants = limits[operator]
    nodes = [("Conv", ["x", "w"], "c", {}), (operator, ["c", *names], "y", {})]
    model = graph(nodes, {"x": [1, 3, 4, 4]}, {"w": numbers(20, 3, 1, 1), **constants})
    x = numbers(1, 3, 4, 4)
    x[0, 1, 2, 3] = np.nan
    answer = compiled(model, tmp_path).run(x)[0]
    assert np.isnan(answer[0, :, 2, 3]).all() and np.isnan(answer).sum() == 20


def test_weights_that_are_not_finite_are_never_skipped(tmp_path):
    weight = numbers(784, 64)
    weight[3, :] = np.inf
    model = graph([("MatMul", ["x", "w"], "y", {})], {"x": [1, 784]}, {"w": weight})
    assert np.isnan(compiled(model, tmp_path).run(np.zeros((1, 784), np.float32))[0]).all()


def test_tensors_share_memory_when_their_lives_do_not_meet():
    nodes = [
        (("Tanh"), [f"t{i}" if i else "x"], f"t{i + 1}" if i < 9 else "y", {}) if i % 2 else
        ("MaxPool", [f"t{i}" if i else "x"], f"t{i + 1}", {"kernel_shape": [1, 1]})
        for i in range(10)
    ]  # fmt: skip
    program = lower(graph(nodes, {"x": [1, 16, 8, 8]}), Machine(16, 32))
    assert program.workspace == 2 * 16 * 64


@pytest.mark.parametrize(
    ("channels", "outputs", "groups"), [(8, 32, 2), (32, 32, 2), (12, 24, 4), (6, 6, 3), (4, 8, 4)]
)
def test_groups_of_channels(channels, outputs, groups, tmp_path):
    attributes = {"pads": [1, 1, 1, 1], "strides": [2, 1]}
    convolved = convolution(1, channels, 7, 6, outputs, (3, 3), attributes, groups)
    assert_interpreted_as_expected(convolved, numbers(1, channels, 7, 6))
    constants = {
        "w": numbers(outputs, channels // groups, 3, 3),
        "b": numbers(outputs),
        "s": numbers(outputs, 1, 1),
    }
    nodes = [
        ("Relu", ["x"], "r", {}),
        ("Conv", ["r", "w", "b"], "c", {"group": groups, **attributes}),
        ("Mul", ["c", "s"], "m", {}),
        ("Add", ["m", "z"], "y", {}),
    ]
    model = graph(nodes, {"x": [1, channels, 7, 6], "z": [1, outputs, 4, 6]}, constants)
    x, z = numbers(1, channels, 7, 6), numbers(1, outputs, 4, 6)
    assert_interpreted_as_expected(model, x, z)
    close(compiled(model, tmp_path).run({"x": x, "z": z})[0], expected(model, x, z))


@pytest.mark.parametrize(
    ("before", "after"),
    [("Relu", ("HardSwish", ["p"])), ("Tanh", ("Mul", ["p", "p"])), ("Relu", ("Gelu", ["p"]))],
)
def test_steps_that_look_back_do_so_behind_those_that_pooling_takes_over(before, after):
    operator, names = after
    nodes = [
        ("Conv", ["x", "w", "b"], "c", {}),
        (before, ["c"], "a", {}),
        ("MaxPool", ["a"], "p", {"kernel_shape": [2, 2]}),
        (operator, names, "y", {}),
    ]
    model = graph(nodes, {"x": [1, 2, 6, 6]}, {"w": numbers(3, 2, 3, 3), "b": np.full(3, -1, np.float32)})
    assert_interpreted_as_expected(model, numbers(1, 2, 6, 6))


def test_a_depthwise_convolution_reads_no_more_of_an_input_than_there_is():
    model = convolution(1, 3, 1, 1, 3, (1, 1), {}, group=3)
    assert_interpreted_as_expected(model, numbers(1, 3, 1, 1))


def test_what_nobody_reads_may_be_the_last_of_a_section():
    nodes = [
        ("Conv", ["x", "w"], "c", {}),
        ("MaxPool", ["c"], "d", {"kernel_shape": [2, 2]}),
        ("Transpose", ["c"], "y", {"perm": [0, 2, 3, 1]}),
    ]
    model = graph(nodes, {"x": [2, 3, 4, 4]}, {"w": numbers(4, 3, 1, 1)})
    assert_interpreted_as_expected(model, numbers(2, 3, 4, 4))


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_share_the_images_of_a_batch(threads, tmp_path, monkeypatch):
    monkeypatch.setattr(lowering, "PARALLEL_FLOPS", 0)
    nodes = [
        ("Conv", ["x", "w"], "c", {"pads": [1, 1, 1, 1]}),
        ("Relu", ["c"], "r", {}),
        ("MaxPool", ["r"], "p", {"kernel_shape": [2, 2], "strides": [2, 2]}),
        ("Flatten", ["p"], "f", {}),
        ("MatMul", ["f", "v"], "y", {}),
    ]
    constants = {"w": numbers(8, 3, 3, 3), "v": numbers(8 * 6 * 6, 10)}
    model = graph(nodes, {"x": [7, 3, 12, 12]}, constants)
    assert lower(model, Machine(8, 16)).parallel
    network = compiled(model, tmp_path, threads=threads)
    for _ in range(20):
        x = numbers(7, 3, 12, 12)
        close(network.run(x)[0], expected(model, x))


def test_a_batch_needs_the_memory_of_one_image_for_each_thread():
    def program(images):
        nodes = [("Conv", ["x", "w"], "c", {}), ("Conv", ["c", "w"], "d", {}), ("Conv", ["d", "w"], "y", {})]
        return lower(graph(nodes, {"x": [images, 16, 8, 8]}, {"w": numbers(16, 16, 1, 1)}), Machine(16, 32))

    few, many = program(2), program(20)
    assert (few.slot, len(few.calls)) == (many.slot, len(many.calls))
    assert few.slot == 2 * 16 * 8 * 8, "the input as vectors, and what the first convolution makes of it"


def test_what_would_not_fit_on_the_stack_is_computed_in_another_way():
    wide = convolution(1, 16, 4, 4000, 16, (3, 3), {"pads": [1, 1, 1, 1]})
    program = lower(wide, Machine(16, 32))
    assert {kernel.name for kernel in program.kernels} & {"convolution"}
    long = graph([("MatMul", ["x", "w"], "y", {})], {"x": [1, 70000]}, {"w": numbers(70000, 1)})
    assert not any("positions" in str(kernel.body) for kernel in lower(long, Machine(16, 32)).kernels)


@pytest.mark.parametrize("kind", ["Conv", "MaxPool", "AveragePool"])
def test_sequences(kind):
    shape = {"kernel_shape": [3], "pads": [1, 0], "strides": [2]}
    names, constants = ["x"], {}
    if kind == "Conv":
        names, constants, shape = ["x", "w"], {"w": numbers(5, 4, 3)}, shape | {"dilations": [2]}
    model = graph([(kind, names, "a", shape), ("Relu", ["a"], "y", {})], {"x": [2, 4, 11]}, constants)
    assert_interpreted_as_expected(model, numbers(2, 4, 11))


@pytest.mark.parametrize(
    ("nodes", "inputs", "reason"),
    [
        ([("Conv", ["x", "z"], "y", {})], {"x": [1, 4, 5, 5], "z": [2, 4, 3, 3]}, "input z of y is computed"),
        ([("Conv", ["x", "w"], "y", {"auto_pad": "SAME_UPPER"})], {"x": [1, 2, 5, 5]}, "no explicit pads"),
        (
            [("Gemm", ["x", "v"], "y", {"transA": 1})],
            {"x": [4, 5]},
            "other things than rows by a constant matrix",
        ),
        (
            [("LeakyRelu", ["x"], "y", {"alpha": 2.0})],
            {"x": [4, 5]},
            "the slope 2.0, which is not between 0 and 1",
        ),
    ],
)
def test_what_no_kernel_does_is_refused_by_name(nodes, inputs, reason):
    constants = {"v": numbers(4, 2), "w": numbers(4, 2, 3, 3)}
    used = {name: array for name, array in constants.items() if any(name in node[1] for node in nodes)}
    with pytest.raises(BackendSkipped, match=reason):
        lower(graph(nodes, inputs, used), Machine(8, 16))
