from __future__ import annotations

import numpy as np
import pytest

from ironworks.compiler.verify import Draw, Expectation, compare, draw_inputs, expect
from ironworks.errors import PlatformError
from ironworks.runtime import Tensor

OUTPUT = [Tensor("y", (1, 3), "float32")]
INPUT = [Tensor("x", (1, 3), "float32")]


def f32(*values):
    return np.array([values], np.float32)


def comparison(expected, found, allowed=1e-5, output=OUTPUT):
    expectation = Expectation(Draw("normal", {}), [expected], [allowed])
    return compare(expectation, [found], output)[0]


def test_every_kind_of_input_is_drawn_in_the_dtype_and_shape_of_the_input():
    tensors = [*INPUT, Tensor("ids", (2,), "int64")]
    sample = {"x": f32(1, 2, 3), "ids": np.array([0, 1])}
    draws = draw_inputs(tensors, [sample])
    assert {draw.kind for draw in draws} == {"normal", "uniform", "zeros", "large", "denormal", "sample"}
    for draw in draws:
        assert [(draw.inputs[item.name].shape, draw.inputs[item.name].dtype.name) for item in tensors] == [
            ((1, 3), "float32"),
            ((2,), "int64"),
        ]


def test_draws_are_the_same_each_time():
    first, second = draw_inputs(INPUT), draw_inputs(INPUT)
    assert all((a.inputs["x"] == b.inputs["x"]).all() for a, b in zip(first, second, strict=True))


def test_denormal_inputs_are_denormal():
    draw = next(draw for draw in draw_inputs(INPUT) if draw.kind == "denormal")
    assert 0 < np.abs(draw.inputs["x"]).max() < np.finfo(np.float32).tiny


def test_equal_outputs_are_equal():
    result = comparison(f32(1, 2, 3), f32(1, 2, 3))
    assert result.equal
    assert (result.absolute, result.argmax_equal, result.rows) == (0, 1, 1)


def test_a_difference_beyond_what_is_allowed_is_not_equal():
    result = comparison(f32(1, 2, 4), f32(1, 2, 4.5))
    assert not result.equal
    assert (result.absolute, result.relative) == (0.5, 0.125)


def test_another_largest_element_is_not_equal_unless_it_is_a_tie():
    assert not comparison(f32(0, 1, 2), f32(0, 3, 2), allowed=0.4).equal
    assert comparison(f32(0, 1, 1.000001), f32(0, 1.000001, 1), allowed=1e-5).argmax_equal == 1


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_value_that_is_not_finite_where_the_original_is_differs(bad):
    assert comparison(f32(1, 2, 3), f32(1, 2, bad)).absolute == np.inf
    assert comparison(f32(1, 2, bad), f32(1, 2, 3)).absolute == np.inf


def test_not_finite_in_both_is_equal():
    assert comparison(f32(1, np.nan, np.inf), f32(1, np.nan, np.inf)).absolute == 0


def test_another_shape_differs():
    assert comparison(f32(1, 2, 3), np.ones((3,), np.float32)).absolute == np.inf


class Original:
    name = "original"

    def __init__(self, function):
        self.function = function

    def run(self, inputs):
        return [self.function(inputs["x"])]

    def microseconds(self, inputs):
        return None


def test_the_tolerance_follows_the_scale_of_the_output():
    expectations = expect(Original(lambda x: x * 0 + 100), draw_inputs(INPUT), OUTPUT)
    assert all(item.allowed == [pytest.approx(1e-3)] for item in expectations)


def test_whole_numbers_must_be_equal():
    outputs = [Tensor("y", (1, 3), "int64")]
    expectations = expect(Original(lambda x: np.array([[1, 2, 3]])), draw_inputs(INPUT), outputs)
    assert all(item.allowed == [0.0] for item in expectations)


def test_large_inputs_allow_what_their_rounding_does():
    steep = Original(lambda x: np.sin(x * 1e5).astype(np.float32))
    allowed = {item.draw.kind: item.allowed[0] for item in expect(steep, draw_inputs(INPUT), OUTPUT)}
    assert allowed["large"] > allowed["uniform"] * 100


def test_an_original_with_other_outputs_is_the_compilers_fault():
    with pytest.raises(PlatformError, match=r"original answers outputs of the shapes \[\(1, 6\)\]"):
        expect(Original(lambda x: np.hstack([x, x])), draw_inputs(INPUT), OUTPUT)


@pytest.mark.parametrize("seed", range(20))
def test_sums_in_another_order_are_equal_also_where_large_inputs_leave_the_answer_open(seed):
    random = np.random.default_rng(seed)
    draw = Draw("large", {"x": (random.random((1, 784)) * 255).astype(np.float32)})
    first = random.normal(size=(784, 128), scale=0.05).astype(np.float32)
    second = random.normal(size=(128, 2), scale=0.1).astype(np.float32)
    bias = np.zeros(2, np.float32)

    def probabilities(x, order):
        logits = np.maximum(x[:, order] @ first[order], 0) @ second + bias
        powers = np.exp(logits - logits.max())
        return powers / powers.sum()

    # Both classes equally likely: here the softmax is as sensitive as it gets.
    bias = -(np.maximum(draw.inputs["x"] @ first, 0) @ second)[0]
    output = [Tensor("p", (1, 2), "float32")]
    ordinary = [Draw("uniform", {"x": draw.inputs["x"] / 255})]
    original = Original(lambda x: probabilities(x, np.arange(784)))
    expectation = expect(original, [*ordinary, draw], output)[1]
    found = probabilities(draw.inputs["x"], random.permutation(784))
    assert compare(expectation, [found], output)[0].equal


class Exponential:
    """An original that overflows beyond 88."""

    name = "exp"

    def run(self, inputs):
        with np.errstate(over="ignore"):
            return [np.exp(inputs["x"])]


def test_large_inputs_are_made_smaller_while_the_original_overflows():
    draws = draw_inputs(INPUT)
    assert max(draw.inputs["x"].max() for draw in draws if draw.kind == "large") > 89
    (large,) = (item for item in expect(Exponential(), draws, OUTPUT) if item.draw.kind == "large")
    assert np.isfinite(large.outputs[0]).all()
    assert large.draw.inputs["x"].max() > 20


def test_an_original_that_always_overflows_is_expected_to():
    class Endless(Exponential):
        def run(self, inputs):
            return [np.full((1, 3), np.inf, np.float32)]

    for item in expect(Endless(), draw_inputs(INPUT), OUTPUT):
        assert np.isinf(item.outputs[0]).all()


def test_a_batch_of_many_rows_is_drawn_once_of_each_kind():
    kinds = [draw.kind for draw in draw_inputs([Tensor("x", (8, 3), "float32")])]
    assert sorted(kinds) == sorted(set(kinds))
    assert len(draw_inputs(INPUT)) == len(kinds) + 2
