"""Operations on arrays of any rank, against ONNX Runtime: by the interpreter, and compiled."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from tests.compiler.native.networks import (
    TARGET,
    WORDS,
    close,
    compiled,
    expected,
    graph,
    interpreted,
    numbers,
    transformer,
    whole,
)

from ironworks.compiler.backends import BackendSkipped
from ironworks.compiler.native.lowering import Machine, lower
from ironworks.compiler.toolchain import levels_of

random = np.random.default_rng(0)
LEVELS = [(4, 16), (8, 16), (16, 32)]


def assert_interpreted_as_expected(model, *arrays):
    wanted = expected(model, *arrays)
    for lanes, registers in LEVELS:
        close(interpreted(model, lanes, registers, *arrays), wanted)


CASES = {
    "product of a sequence": ([("MatMul", ["x", "w"], "y", {})], {"x": [2, 5, 7]}, {"w": numbers(7, 33)}),
    "product of two": ([("MatMul", ["x", "z"], "y", {})], {"x": [2, 3, 5, 7], "z": [2, 3, 7, 19]}, {}),
    "product of matrices": ([("MatMul", ["x", "z"], "y", {})], {"x": [5, 7], "z": [7, 18]}, {}),
    "product, broadcast left": ([("MatMul", ["x", "z"], "y", {})], {"x": [5, 7], "z": [3, 7, 4]}, {}),
    "product, broadcast right": ([("MatMul", ["x", "z"], "y", {})], {"x": [2, 3, 5, 7], "z": [3, 7, 4]}, {}),
    "product of a constant": ([("MatMul", ["w", "x"], "y", {})], {"x": [2, 7, 9]}, {"w": numbers(5, 7)}),
    "product of several constants": ([("MatMul", ["x", "w"], "y", {})], {"x": [3, 4, 7]}, {"w": numbers(3, 7, 5)}),
    "product of one row": ([("MatMul", ["x", "w"], "y", {})], {"x": [1, 1, 40]}, {"w": numbers(40, 70)}),
    "product of a transposed one": (
        [("Transpose", ["x"], "t", {"perm": [0, 2, 1]}), ("MatMul", ["z", "t"], "y", {})],
        {"x": [2, 9, 7], "z": [2, 4, 7]},
        {},
    ),
    "steps after a product": (
        [
            ("MatMul", ["x", "w"], "a", {}),
            ("Add", ["b", "a"], "c", {}),
            ("Gelu", ["c"], "d", {}),
            ("Add", ["d", "z"], "y", {}),
        ],
        {"x": [2, 5, 7], "z": [2, 5, 37]},
        {"w": numbers(7, 37), "b": numbers(37)},
    ),
    "softmax of the last": ([("Softmax", ["x"], "y", {"axis": -1})], {"x": [2, 3, 37]}, {}),
    "softmax of the middle": ([("Softmax", ["x"], "y", {"axis": 1})], {"x": [2, 5, 3]}, {}),
    "softmax of a few": ([("Softmax", ["x"], "y", {"axis": -1})], {"x": [3, 2, 3]}, {}),
    "normalisation": (
        [("LayerNormalization", ["x", "g", "b"], "y", {"epsilon": 1e-6})],
        {"x": [2, 3, 37]},
        {"g": numbers(37), "b": numbers(37)},
    ),
    "normalisation without a shift": (
        [("LayerNormalization", ["x", "g"], "y", {})],
        {"x": [2, 3, 16]},
        {"g": numbers(16)},
    ),
    "normalisation of all but the first": (
        [("LayerNormalization", ["x", "g", "b"], "y", {"axis": 1})],
        {"x": [2, 3, 7]},
        {"g": numbers(3, 7), "b": numbers(7)},
    ),
    "normalisation of what is transposed": (
        [("Transpose", ["x"], "t", {"perm": [2, 0, 1]}), ("LayerNormalization", ["t", "g"], "y", {})],
        {"x": [2, 9, 3]},
        {"g": numbers(9)},
    ),
    "logarithm of a softmax": ([("LogSoftmax", ["x"], "y", {"axis": 1})], {"x": [2, 37, 3]}, {}),
    "a sum of several": ([("Sum", ["x", "z", "w"], "y", {})], {"x": [2, 5], "z": [5]}, {"w": numbers(2, 1)}),
    "steps on a flattened input": ([("Flatten", ["x"], "f", {}), ("Neg", ["f"], "y", {})], {"x": [3, 5, 1, 1]}, {}),
    "reshape": ([("Reshape", ["x", "s"], "y", {})], {"x": [2, 6, 5]}, {"s": whole(3, 4, 5)}),
    "reshape of a transposed one": (
        [("Transpose", ["x"], "t", {"perm": [1, 0, 2]}), ("Reshape", ["t", "s"], "y", {})],
        {"x": [2, 6, 5]},
        {"s": whole(6, 10)},
    ),
    "reshape that needs a copy": (
        [("Transpose", ["x"], "t", {"perm": [0, 2, 1]}), ("Reshape", ["t", "s"], "y", {})],
        {"x": [2, 6, 5]},
        {"s": whole(2, 30)},
    ),
    "transpose": ([("Transpose", ["x"], "y", {"perm": [3, 1, 0, 2]})], {"x": [2, 3, 4, 17]}, {}),
    "transpose of all": ([("Transpose", ["x"], "y", {})], {"x": [5, 18, 4]}, {}),
    "squeeze and unsqueeze": (
        [("Unsqueeze", ["x", "a"], "u", {}), ("Neg", ["u"], "n", {}), ("Squeeze", ["n", "b"], "y", {})],
        {"x": [3, 1, 4]},
        {"a": whole(0), "b": whole(2)},
    ),
    "expand": ([("Expand", ["x", "s"], "y", {})], {"x": [3, 1, 5]}, {"s": whole(2, 3, 4, 5)}),
    "both broadcast": ([("Add", ["x", "z"], "y", {})], {"x": [3, 1, 5], "z": [4, 1]}, {}),
    "rows by columns": ([("Mul", ["x", "z"], "y", {})], {"x": [6, 5], "z": [6, 1]}, {}),
    "a constant of any shape": ([("Sub", ["w", "x"], "y", {})], {"x": [2, 3, 19]}, {"w": numbers(3, 19)}),
    "a vector": ([("Tanh", ["x"], "y", {})], {"x": [19]}, {}),
    "five dimensions": ([("Sigmoid", ["x"], "y", {})], {"x": [1, 2, 3, 2, 5]}, {}),
    "concatenation": ([("Concat", ["x", "z"], "y", {"axis": 2})], {"x": [2, 3, 4], "z": [2, 3, 19]}, {}),
    "concatenation with a constant": ([("Concat", ["x", "w"], "y", {"axis": 0})], {"x": [2, 3]}, {"w": numbers(1, 3)}),
    "slice": (
        [("Slice", ["x", "s", "e", "a", "t"], "y", {})],
        {"x": [9, 4, 20]},
        {"s": whole(1, -1), "e": whole(8, -100), "a": whole(0, 2), "t": whole(2, -3)},
    ),
    "one position": ([("Gather", ["x", "i"], "y", {"axis": 1})], {"x": [2, 5, 7]}, {"i": np.int64(-2)}),
    "some positions": ([("Gather", ["x", "i"], "y", {"axis": 1})], {"x": [2, 5, 7]}, {"i": whole(4, 0, 0)}),
    "padding": (
        [("Pad", ["x", "p", "v"], "y", {})],
        {"x": [2, 3, 4]},
        {"p": whole(0, 1, 2, 1, 0, 3), "v": np.float32(1.5)},
    ),
    "tiling": ([("Tile", ["x", "r"], "y", {})], {"x": [2, 3, 4]}, {"r": whole(1, 2, 3)}),
    "resizing": (
        [("Resize", ["x", "", "s"], "y", {"nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"})],
        {"x": [1, 3, 4, 5]},
        {"s": np.array([1, 1, 2, 3], np.float32)},
    ),
    "resizing by half pixels": (
        [("Resize", ["x", "", "s"], "y", {"mode": "nearest"})],
        {"x": [1, 3, 4, 5]},
        {"s": np.array([1, 1, 2, 2], np.float32)},
    ),
    "depth to space": ([("DepthToSpace", ["x"], "y", {"blocksize": 2})], {"x": [1, 12, 2, 3]}, {}),
    "depth to space by columns": (
        [("DepthToSpace", ["x"], "y", {"blocksize": 2, "mode": "CRD"})],
        {"x": [1, 12, 2, 3]},
        {},
    ),
    "space to depth": ([("SpaceToDepth", ["x"], "y", {"blocksize": 2})], {"x": [1, 3, 4, 6]}, {}),
    "channels last after a convolution": (
        [
            ("Conv", ["x", "w"], "c", {}),
            ("Transpose", ["c"], "t", {"perm": [0, 2, 3, 1]}),
            ("Reshape", ["t", "s"], "y", {}),
        ],
        {"x": [1, 3, 6, 6]},
        {"w": numbers(5, 3, 3, 3), "s": whole(1, -1, 5)},
    ),
    "a convolution after arrays": (
        [
            ("Transpose", ["x"], "t", {"perm": [0, 3, 1, 2]}),
            ("Conv", ["t", "w"], "c", {"pads": [1, 1, 1, 1]}),
            ("Relu", ["c"], "y", {}),
        ],
        {"x": [1, 6, 6, 3]},
        {"w": numbers(5, 3, 3, 3)},
    ),
    "a gate on channels": (
        [
            ("Relu", ["x"], "r", {}),
            ("ReduceMean", ["r", "a"], "m", {}),
            ("Sigmoid", ["m"], "g", {}),
            ("Mul", ["r", "g"], "y", {}),
        ],
        {"x": [2, 5, 4, 4]},
        {"a": whole(2, 3)},
    ),
    "shuffled channels": (
        [
            ("Relu", ["x"], "r", {}),
            ("Reshape", ["r", "s"], "a", {}),
            ("Transpose", ["a"], "b", {"perm": [0, 2, 1, 3, 4]}),
            ("Reshape", ["b", "t"], "c", {}),
            ("Conv", ["c", "w"], "y", {}),
        ],
        {"x": [1, 6, 3, 3]},
        {"s": whole(1, 2, 3, 3, 3), "t": whole(1, 6, 3, 3), "w": numbers(4, 6, 1, 1)},
    ),
    **{
        f"{name} before a transposition": (
            [node, ("Transpose", ["a"], "t", {"perm": [1, 0, 2]}), ("Neg", ["t"], "y", {})],
            {"x": [4, 6, 5]},
            constants,
        )
        for name, node, constants in (
            ("reduction", ("ReduceSum", ["x", "k"], "a", {}), {"k": whole(2)}),
            ("choice", ("Gather", ["x", "k"], "a", {"axis": 2}), {"k": whole(3, 0)}),
            ("tiling", ("Tile", ["x", "k"], "a", {}), {"k": whole(1, 2, 1)}),
            ("padding", ("Pad", ["x", "k"], "a", {}), {"k": whole(1, 0, 0, 0, 1, 0)}),
            ("joining", ("Concat", ["x", "k"], "a", {"axis": 1}), {"k": numbers(4, 1, 5)}),
            ("normalisation", ("LayerNormalization", ["x", "k"], "a", {"axis": 1}), {"k": numbers(6, 5)}),
            ("softmax", ("Softmax", ["x"], "a", {"axis": 1}), {}),
            ("product", ("MatMul", ["x", "k"], "a", {}), {"k": numbers(5, 9)}),
        )
    },
    "reshape of a transposed one before a transposition": (
        [
            ("Transpose", ["x"], "s", {"perm": [2, 1, 0]}),
            ("Reshape", ["s", "k"], "a", {}),
            ("Transpose", ["a"], "y", {"perm": [1, 0, 2]}),
        ],
        {"x": [4, 6, 5]},
        {"k": whole(6, 5, 4)},
    ),
    "a product of what is reversed": (
        [("Slice", ["x", "s", "e", "a", "t"], "r", {}), ("MatMul", ["r", "w"], "y", {})],
        {"x": [2, 4, 6]},
        {"s": whole(-1), "e": whole(-100), "a": whole(2), "t": whole(-1), "w": numbers(6, 7)},
    ),
    "a single number": (
        [("Reshape", ["x", "s"], "r", {}), ("Neg", ["r"], "y", {})],
        {"x": [1]},
        {"s": np.zeros(0, np.int64)},
    ),
    "a single number that is broadcast": ([("Add", ["x", "z"], "y", {})], {"x": [2, 3], "z": []}, {}),
    "a value that is given as it is": ([("Transpose", ["x"], "y", {"perm": [0, 1]})], {"x": [3, 5]}, {}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_operations_on_arrays(case):
    nodes, inputs, constants = CASES[case]
    model = graph(nodes, inputs, constants)
    assert_interpreted_as_expected(model, *(numbers(*shape) for shape in inputs.values()))


@pytest.mark.parametrize("kind", ["Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare"])
@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 2), (1, 2), (0, 1, 2)])
@pytest.mark.parametrize("keepdims", [0, 1])
def test_reductions(kind, axes, keepdims):
    model = graph(
        [(f"Reduce{kind}", ["x", "a"], "y", {"keepdims": keepdims})], {"x": [3, 4, 19]}, {"a": whole(*axes)}
    )
    # Not around zero, where a sum's rounding is large beside the sum; small enough for a product of all.
    assert_interpreted_as_expected(model, numbers(3, 4, 19, scale=0.2) + np.float32(1))


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_products_of_any_size(data):
    draw = data.draw
    batch = draw(st.lists(st.integers(1, 3), max_size=2))
    rows, inner, outputs = draw(st.integers(1, 17)), draw(st.integers(1, 20)), draw(st.integers(1, 40))
    constant = draw(st.booleans())
    shapes = {"x": [*batch, rows, inner]} | ({} if constant else {"w": [*batch, inner, outputs]})
    constants = {"w": numbers(inner, outputs)} if constant else {}
    model = graph([("MatMul", ["x", "w"], "y", {})], shapes, constants)
    assert_interpreted_as_expected(model, *(numbers(*shape) for shape in shapes.values()))


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_transpositions_and_reshapes_of_any_kind(data):
    draw = data.draw
    shape = draw(st.lists(st.integers(1, 5), min_size=1, max_size=5))
    order = draw(st.permutations(range(len(shape))))
    size, target = prod(shape), []
    while size > 1 and draw(st.booleans()):
        part = draw(st.sampled_from([n for n in range(1, size + 1) if size % n == 0]))
        target.append(part)
        size //= part
    target.append(size)
    nodes = [
        ("Transpose", ["x"], "t", {"perm": list(order)}),
        ("Reshape", ["t", "s"], "r", {}),
        ("Neg", ["r"], "y", {}),
    ]
    model = graph(nodes, {"x": shape}, {"s": whole(*target)})
    assert_interpreted_as_expected(model, numbers(*shape))


@pytest.mark.parametrize("kind", [np.int64, np.int32])
def test_rows_of_a_table_by_number(kind, tmp_path):
    dtype = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    model = graph([("Gather", ["t", "x"], "y", {})], {"x": [2, 3]}, {"t": numbers(11, 21)}, dtype)
    words = np.array([[0, 10, 3], [-1, -11, 5]], kind)
    for lanes, registers in LEVELS:
        program = lower(model, Machine(lanes, registers))
        found = program.interpret([words])[0].reshape(2, 3, 21)
        np.testing.assert_array_equal(found, expected(model, words))
    np.testing.assert_array_equal(compiled(model, tmp_path).run(words)[0], expected(model, words))


def test_part_of_the_words_are_looked_up(tmp_path):
    nodes = [("Slice", ["x", "s", "e", "a"], "p", {}), ("Gather", ["t", "p"], "y", {})]
    constants = {"s": whole(1), "e": whole(3), "a": whole(1), "t": numbers(11, 5)}
    model, words = graph(nodes, {"x": [2, 4]}, constants, WORDS), np.array([[1, 2, 3, 4], [5, 6, 7, 8]])
    np.testing.assert_array_equal(compiled(model, tmp_path).run(words)[0], expected(model, words))


def test_numbers_that_are_no_row_take_the_nearest(tmp_path):
    table = numbers(11, 5)
    model = graph([("Gather", ["t", "x"], "y", {})], {"x": [3]}, {"t": table}, WORDS)
    found = compiled(model, tmp_path).run(whole(11, 2**40, -(2**40)))[0]
    np.testing.assert_array_equal(found, table[[10, 10, 0]])


def test_a_mask_of_whole_numbers_becomes_float():
    nodes = [
        ("Unsqueeze", ["x", "a"], "u", {}),
        ("Cast", ["u"], "c", {"to": TensorProto.FLOAT}),
        ("Sub", ["one", "c"], "s", {}),
        ("Mul", ["s", "low"], "y", {}),
    ]
    constants = {"a": whole(1), "one": np.float32(1), "low": np.float32(-10000)}
    model = graph(nodes, {"x": [2, 5]}, constants, WORDS)
    mask = np.array([[1, 1, 0, 1, 0], [0, 0, 1, 1, 1]])
    found = lower(model, Machine(8, 16)).interpret([mask])[0].reshape(2, 1, 5)
    np.testing.assert_array_equal(found, expected(model, mask))


@pytest.mark.parametrize("threads", [1, 3])
def test_a_transformer(threads, tmp_path):
    model, words = transformer(), random.integers(0, 30, (1, 5))
    wanted = expected(model, words)
    for lanes, registers in LEVELS:
        program = lower(model, Machine(lanes, registers))
        close(program.interpret([words])[0].reshape(wanted.shape), wanted)
    close(compiled(model, tmp_path, threads=threads).run(words)[0], wanted)


def test_what_follows_a_product_is_done_where_it_is_written():
    kinds = [call.kernel.name for call in lower(transformer(), Machine(8, 16)).calls]
    assert kinds.count("product") == 2 + 6 + 1
    assert kinds.count("mapping") == 2  # the sum of embeddings, and the transposition of keys
    assert len(kinds) == 16


@pytest.mark.parametrize("level", levels_of(TARGET), ids=lambda level: level.name)
def test_compiled_arrays_of_each_level(level, tmp_path):
    names = [
        "product of two",
        "steps after a product",
        "softmax of the last",
        "normalisation",
        "transpose",
        "slice",
    ]
    for number, name in enumerate(names):
        nodes, inputs, constants = CASES[name]
        model = graph(nodes, inputs, constants)
        arrays = {key: numbers(*shape) for key, shape in inputs.items()}
        folder = tmp_path / str(number)
        folder.mkdir()
        close(compiled(model, folder, [level]).run(arrays)[0], expected(model, *arrays.values()))


@pytest.mark.parametrize(
    "operator", ["Erf", "Log", "Floor", "Ceil", "Softplus", "Mish", "Gelu", "HardSwish", "Elu", "Softsign"]
)
@pytest.mark.parametrize("level", levels_of(TARGET), ids=lambda level: level.name)
def test_more_functions_are_right_over_their_range(operator, level, tmp_path):
    ends = [0.0, 1e-40, -1e-40, 0.99999994, 1.0, -1.0, 3.9, 4.1, -5.0, 16777217.0, -0.5]
    x = np.concatenate([np.linspace(-30, 30, 40000), np.linspace(-1, 1, 20000), ends]).astype(np.float32)
    if operator == "Log":
        x = np.abs(np.concatenate([x, np.float32([np.inf, 3e38, 1e-38, np.nan])]))
    model = graph([(operator, ["x"], "y", {})], {"x": [x.size]})
    found, wanted = compiled(model, tmp_path, [level]).run(x)[0], expected(model, x)
    np.testing.assert_allclose(found, wanted, rtol=2e-6, atol=3e-7 if operator != "Mish" else 1e-6)


def test_outputs_of_whole_numbers_are_refused():
    model = graph([("Identity", ["x"], "y", {})], {"x": [3]})
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.elem_type = WORDS
    with pytest.raises(BackendSkipped, match="the output y is whole numbers"):
        lower(model, Machine(8, 16))


@pytest.mark.parametrize(
    ("nodes", "inputs", "reason"),
    [
        ([("MatMul", ["x", "z"], "y", {})], {"x": [2, 3], "z": [3]}, "multiplies a vector"),
        ([("Gather", ["x", "i"], "y", {})], {"x": [70, 3]}, "more than 64 constant positions"),
        ([("Pad", ["x", "p"], "y", {"mode": "reflect"})], {"x": [4, 5]}, "other things than a constant"),
        ([("Pow", ["x", "e"], "y", {})], {"x": [4, 5]}, r"the power 1.7, where it takes \[-1.0"),
        ([("Elu", ["x"], "y", {"alpha": 0.5})], {"x": [4, 5]}, "the alpha 0.5, where it takes 1"),
        ([("CumSum", ["x", "k"], "y", {})], {"x": [4, 5]}, r"no code for the operator CumSum \(y\)"),
        ([("Resize", ["x", "", "f"], "y", {"mode": "linear"})], {"x": [4, 5]}, "in another way than by whole factors"),
    ],
)  # fmt: skip
def test_what_no_kernel_does_is_refused_by_name(nodes, inputs, reason):
    constants = {
        "i": np.arange(65), "p": whole(1, 1, 1, 1), "e": np.float32(1.7), "k": np.int64(1), "f": np.float32([2, 2]),
    }  # fmt: skip
    used = {name: array for name, array in constants.items() if any(name in node[1] for node in nodes)}
    with pytest.raises(BackendSkipped, match=reason):
        lower(graph(nodes, inputs, used), Machine(8, 16))
