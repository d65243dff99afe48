"""Curves over time."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironworks.drawing.curves import HEIGHT, WIDTH, Axis, Curve, figure, round_axis

X = Axis(0.0, 10.0, [0.0, 5.0, 10.0], lambda value: f"{value:g} s")


def draw(*curves: Curve) -> str:
    return figure("Loss", curves, X, lambda value: f"{value:g}", "Nothing yet.")


def points(text: str) -> list[tuple[float, float]]:
    """Every point of every path."""
    paths = "".join(re.findall(r'd="([^"]*)"', text))
    return [(float(x), float(y)) for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", paths)]


def test_the_last_value_of_each_curve_is_written() -> None:
    text = draw(Curve("a", [(0, 1.0), (10, 3.0)]), Curve("b", [(0, 2.0), (10, None)]))
    assert re.findall(r"<span>(\w)</span> <strong>(\d)</strong>", text) == [("a", "3"), ("b", "2")]
    assert 'aria-label="Loss: a 3 at the end, between 1 and 3; b 2 at the end' in text


def test_where_there_is_no_value_a_curve_has_a_gap() -> None:
    text = draw(Curve("a", [(0, 1.0), (2, 1.0), (4, None), (6, 1.0), (8, 1.0)]))
    (path,) = re.findall(r'd="([^"]*)"', text)
    assert path.count("M") == 2


def test_a_single_value_is_seen() -> None:
    (path,) = re.findall(r'd="([^"]*)"', draw(Curve("a", [(5, 1.0)])))
    assert re.fullmatch(r"M(\S+ \S+)L\1", path)


@pytest.mark.parametrize("curves", [[], [Curve("a", [])], [Curve("a", [(1, None)])]])
def test_without_values_it_says_what_to_expect(curves: list[Curve]) -> None:
    text = draw(*curves)
    assert "Nothing yet." in text and "<svg" not in text


def test_names_are_escaped() -> None:
    text = draw(Curve("<b>", [(1, 1.0)]))
    assert "<b>" not in text and "&lt;b&gt;" in text


@pytest.mark.parametrize(
    ("low", "high", "marks"),
    [
        (0.1, 0.97, [0, 0.25, 0.5, 0.75, 1.0]),
        (0.9, 0.98, [0.9, 0.92, 0.94, 0.96, 0.98]),
        (3, 3, [0, 1, 2, 3]),
        (0, 0, [0, 0.25, 0.5, 0.75, 1.0]),
        (-1, 1, [-1, -0.5, 0, 0.5, 1]),
    ],
)
def test_marks_are_round_numbers(low: float, high: float, marks: list[float]) -> None:
    assert round_axis(low, high, str).marks == pytest.approx(marks)


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=20))
def test_every_point_is_inside_the_drawing(values: list[float]) -> None:
    step = 10 / len(values)
    text = draw(Curve("a", [(at * step, value) for at, value in enumerate(values)]))
    for x, y in points(text):
        assert 0 <= x <= WIDTH and 0 <= y <= HEIGHT
