from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ironworks.runtime import load

ROW = [[1.0, 2.0, 3.0, 4.0]]


@pytest.fixture
def doubler(adder):
    return load(adder(single=True))


def test_inputs_and_outputs_are_described(doubler):
    assert [str(tensor) for tensor in doubler.inputs] == ["a [1, 4] float32"]
    assert [str(tensor) for tensor in doubler.outputs] == ["sum [1, 4] float32"]


@pytest.mark.parametrize(
    "data",
    [ROW, {"a": ROW}, np.array(ROW), np.array(ROW, "f4"), np.array([[1, 3], [2, 4]], "i8").T, (1, 2, 3, 4),
     np.array([1, 2, 3, 4], "u1"), np.arange(1, 9, dtype="f4")[None].repeat(1, 0)[:, :4]],
)  # fmt: skip
def test_arrays_of_any_numeric_dtype_and_of_the_right_size_fit(doubler, data):
    (found,) = doubler.run(data)
    assert (found.shape, found.dtype) == ((1, 4), np.float32)
    np.testing.assert_array_equal(found, [[2, 4, 6, 8]])


def test_a_non_contiguous_array_is_read_in_its_own_order(doubler):
    np.testing.assert_array_equal(doubler.run(np.arange(8, dtype="f4")[::2])[0], [[0, 4, 8, 12]])


def test_several_inputs_go_by_name_in_any_order(adder):
    model = load(adder())
    np.testing.assert_array_equal(model.run({"b": ROW, "a": np.zeros(4)})[0], ROW)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (
            [[1, 2, 3]],
            r"The input a takes 4 numbers in the shape \[1, 4\] and was given 3 in the shape \[1, 3\]",
        ),
        ([], "was given 0"),
        (["a", "b", "c", "d"], "dtype <U1, where numbers are expected"),
        ([[1, 2], [3]], "not an array of numbers"),
        ([1j, 2, 3, 4], "dtype complex128"),
        (None, "dtype object"),
        ({"b": ROW}, r"takes the inputs a \[1, 4\] float32 and was given 'b'"),
        ({"a": ROW, "b": ROW}, "was given 'a', 'b'"),
        ({}, "takes the inputs"),
    ],
)
def test_what_does_not_fit_says_what_was_expected_and_what_was_given(doubler, data, reason):
    with pytest.raises(ValueError, match=reason):
        doubler.run(data)


def test_one_array_for_two_inputs_is_refused(adder):
    with pytest.raises(ValueError, match=r"takes 2 inputs .* Give a dictionary"):
        load(adder()).run(ROW)


def test_answers_are_the_callers_own(doubler):
    (first,) = doubler.run(ROW)
    doubler.run(np.zeros((1, 4)))
    np.testing.assert_array_equal(first, [[2, 4, 6, 8]])


def test_the_callers_array_is_left_alone(doubler):
    data = np.array(ROW, np.float32)
    doubler.run(data)
    np.testing.assert_array_equal(data, ROW)


def test_threads_do_not_mix_their_answers(doubler):
    def work(number):
        data = np.full((1, 4), number, np.float32)
        return all((doubler.run(data)[0] == 2 * number).all() for _ in range(200))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(16)))


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.floats(width=32), min_size=4, max_size=4))
def test_every_float_goes_through(doubler, values):
    data = np.array(values, np.float32)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(doubler.run(data)[0][0], data + data)
