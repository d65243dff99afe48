"""The extension that reads arrays of numbers: exact, and it leaves to others whatever is something else."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

reader = pytest.importorskip("ironworks.serving.codecs._arrays", reason="the extension was not built")

DECIMALS = st.from_regex(r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)


def array(found: tuple[bytes, bool, tuple[int, ...]] | None) -> np.ndarray:
    assert found is not None
    data, integers, shape = found
    return np.frombuffer(data, np.int64 if integers else np.float64).reshape(shape)


@settings(max_examples=1000)
@given(st.floats(allow_nan=False, allow_infinity=False))
@example(-0.0)
@example(5e-324)
@example(1.7976931348623157e308)
def test_every_double_is_read_back_from_its_digits(value: float) -> None:
    found = array(reader.read_json(repr(value).encode()))
    assert found.tobytes() == np.float64(value).tobytes()


@settings(max_examples=1000)
@given(DECIMALS)
@example("9007199254740993.0")  # halfway between two doubles
@example("9007199254740992999999999.0")
@example("0.000000000000000000000000000000000000000000001")
@example("1e400")
@example("1e-400")
def test_every_decimal_is_the_nearest_double(text: str) -> None:
    found = reader.read_csv(text.encode())
    if found is None:
        assert text.lstrip("-").isdigit() and abs(int(text)) >= 2**63
    else:
        assert array(found).tobytes() == np.float64(float(text)).tobytes()


@given(
    arrays.arrays(
        st.sampled_from([np.int64, np.float64]),
        arrays.array_shapes(min_dims=0, max_dims=8, max_side=3),
        elements=st.integers(-1000, 1000),
    ),
    st.sampled_from([None, 1]),
)
def test_nested_lists_keep_their_shape_and_integers_stay_integers(
    value: np.ndarray, indent: int | None
) -> None:
    found = array(reader.read_json(json.dumps(value.tolist(), indent=indent).encode()))
    assert (found.dtype, found.shape) == (value.dtype, value.shape)
    np.testing.assert_array_equal(found, value)


def test_one_number_with_a_point_makes_all_of_them_floats() -> None:
    found = array(reader.read_json(b"[1, -2, 3.5, 4]"))
    assert found.dtype == np.float64
    assert found.tolist() == [1, -2, 3.5, 4]


JSON_LIKE = st.text('[]{},:.-+eE0123456789 \n"ntf', max_size=40)


@settings(max_examples=1000)
@given(JSON_LIKE)
@example("[1,]")
@example("[[1],2]")
@example("[[1],[2,3]]")
@example("[01]")
@example("[1.]")
@example("[-]")
@example("[1 2]")
@example("1\x00")
def test_what_is_read_as_json_is_what_the_standard_library_reads(text: str) -> None:
    found = reader.read_json(text.encode())
    if found is not None:
        expected: Any = np.asarray(json.loads(text))
        np.testing.assert_array_equal(array(found), expected)
        assert array(found).shape == expected.shape


@given(st.text(",.-+eE0123456789 \n\r\tx", max_size=40))
def test_what_is_read_as_csv_is_what_numpy_reads(text: str) -> None:
    found = reader.read_csv(text.encode())
    if found is not None:
        lines = [line for line in text.splitlines() if line.strip()]
        expected = [[float(field) for field in line.split(",")] for line in lines]
        np.testing.assert_array_equal(array(found), expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "[]",
        "[[]]",
        "{}",
        "null",
        "[true]",
        '["1"]',
        "[NaN]",
        "[1",
        "1]",
        "[" * 100_000,
        "[9223372036854775808]",
    ],
)
def test_what_is_no_array_of_numbers_is_left_to_others(text: str) -> None:
    assert reader.read_json(text.encode()) is None


def test_the_largest_integers_keep_their_digits() -> None:
    assert array(reader.read_json(b"[9223372036854775807, -9223372036854775807]")).tolist() == [
        2**63 - 1,
        1 - 2**63,
    ]


def test_other_things_than_bytes_are_refused() -> None:
    with pytest.raises(TypeError):
        reader.read_json("[1]")
    assert math.isinf(array(reader.read_json(b"1e999"))[()])
