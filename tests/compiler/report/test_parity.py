"""Comparisons by the kinds of inputs."""

from __future__ import annotations

from math import inf

from tests.compiler.report.conftest import candidate, comparison

from ironworks.compiler.report.parity import parity, relative_error


def test_the_worst_of_a_kind_is_shown_and_its_rows_are_summed() -> None:
    verification = [
        comparison("normal", 1e-7),
        comparison("normal", 9e-7, output="z"),
        comparison("zeros", 0.0, argmax_equal=0),
    ]
    normal, zeros = parity(candidate("native", 1.0, verification=verification))
    assert (normal.inputs, normal.absolute, normal.output) == ("normal", 9e-7, "z")
    assert (normal.argmax_equal, normal.rows, normal.equal) == (2, 2, True)
    assert (zeros.inputs, zeros.argmax_equal, zeros.rows, zeros.equal) == ("zeros", 0, 1, False)


def test_the_worst_is_the_one_nearest_to_its_limit() -> None:
    verification = [
        comparison(absolute=1.0, allowed=100.0),
        comparison(absolute=0.5, allowed=0.4),
        comparison(absolute=0.0, allowed=0.0),
    ]
    (line,) = parity(candidate("native", 1.0, verification=verification))
    assert line.absolute == 0.5 and not line.equal
    verification.append(comparison(absolute=1e-30, allowed=0.0))
    (line,) = parity(candidate("native", 1.0, verification=verification))
    assert line.absolute == 1e-30


def test_denormal_inputs_do_not_count_for_the_relative_error() -> None:
    verification = [comparison("denormal", inf, relative=inf), comparison(relative=0.25)]
    assert relative_error(candidate("native", 1.0, verification=verification)) == 0.25
    assert relative_error(candidate("native", 1.0, verification=verification[:1])) is None
