"""How a tolerance is written, and that it cannot turn verification off."""

from __future__ import annotations

import pytest

from ironworks.compiler.tolerance import TOLERANCES, parse_tolerances, reduced_to
from ironworks.errors import ClientError


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        (None, {}),
        (1e-6, {"float32": 1e-6}),
        ("1e-4", {"float32": 1e-4}),
        ("float32=1e-6, float16=1e-2", {"float32": 1e-6, "float16": 1e-2}),
        ("int8=0.2,bf16=0", {"int8": 0.2, "bf16": 0}),
        ({"float64": 1e-9}, {"float64": 1e-9}),
    ],
)
def test_what_is_given_takes_the_place_of_the_default(given, changed):
    assert parse_tolerances(given) == {**TOLERANCES, **changed}


@pytest.mark.parametrize("given", ["", "x", "float32=", "nan", "inf", "-1", 1, 1.5, "float32=1e-5,1e9", True])
def test_a_tolerance_that_is_none_or_would_pass_everything_is_refused(given):
    with pytest.raises(ClientError, match="must be a number from 0 to below 1.*cannot be turned off"):
        parse_tolerances(given)


def test_an_unknown_dtype_is_refused_by_name():
    with pytest.raises(ClientError, match="'int4', which is none of float64, float32, float16, bf16, int8"):
        parse_tolerances("int4=0.1")


def test_a_reduced_precision_has_one_tolerance_for_every_dtype():
    assert reduced_to("int8", parse_tolerances("int8=0.3")) == {
        "float64": 0.3,
        "float32": 0.3,
        "float16": 0.3,
    }
