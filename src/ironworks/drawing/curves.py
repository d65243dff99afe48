"""Curves over time as SVG: lines over a grid with round numbers, a legend that reads as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from ironworks.drawing.markup import Html, element

Point = tuple[float, float]

WIDTH, HEIGHT = 640.0, 200.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 58.0, 10.0, 10.0, 24.0
_LINES = 4
"""Lines of the grid, about."""
_COLORS = 6


@dataclass(frozen=True)
class Curve:
    """Points by increasing x; a gap where y is None."""

    name: str
    points: Sequence[tuple[float, float | None]]


@dataclass(frozen=True)
class Axis:
    """From where to where, at which values there are marks, and how they are written."""

    low: float
    high: float
    marks: Sequence[float]
    text: Callable[[float], str]

    def share(self, value: float) -> float:
        """Where a value is, 0 … 1."""
        return (value - self.low) / (self.high - self.low)


def figure(caption: str, curves: Sequence[Curve], x: Axis, text: Callable[[float], str], empty: str) -> Html:
    """The curves over one axis of values, with the last value of each; `empty` is said when there are no points.

    `text` writes a value.
    """
    values = [y for curve in curves for _, y in curve.points if y is not None]
    if not values:
        return element(
            "figure", element("figcaption", caption), element("p", empty, class_="empty"), class_="curves"
        )
    y = round_axis(min(values), max(values), text)
    lines = [
        element("path", d=path, class_=f"curve color-{at % _COLORS}")
        for at, curve in enumerate(curves)
        if (path := _path(curve, x, y))
    ]
    drawing = element(
        "svg",
        *_grid(x, y),
        *lines,
        viewBox=f"0 0 {WIDTH:.0f} {HEIGHT:.0f}",
        role="img",
        aria_label=f"{caption}: {'; '.join(_words(curve, text) for curve in curves)}",
    )
    return element("figure", element("figcaption", caption), drawing, _legend(curves, text), class_="curves")


def round_axis(low: float, high: float, text: Callable[[float], str]) -> Axis:
    """An axis from 0, or from a round number where all values lie far from it, to a round number."""
    if high - low < 1e-12 * max(abs(high), abs(low), 1e-12):
        low, high = min(0.0, low), (max(0.0, high) or 1.0)
    elif low > 0 and low < 0.6 * high:
        low = 0.0
    step = _step((high - low) / _LINES)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    marks = [number * step for number in range(first, last + 1)]
    return Axis(marks[0], marks[-1], marks, text)


def _step(rough: float) -> float:
    """The next of 1, 2, 2.5 and 5 times a power of ten."""
    power: float = 10.0 ** floor(log10(rough))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * (1 - 1e-9))


def _place(x: Axis, y: Axis, point: Point) -> tuple[float, float]:
    across = _LEFT + x.share(point[0]) * (WIDTH - _LEFT - _RIGHT)
    down = HEIGHT - _BOTTOM - y.share(point[1]) * (HEIGHT - _TOP - _BOTTOM)
    return across, down


def _path(curve: Curve, x: Axis, y: Axis) -> str:
    """A point on its own is a line of no length, whose round ends show it."""
    parts = []
    before = False
    for at, value in curve.points:
        if value is None:
            before = False
            continue
        across, down = _place(x, y, (at, value))
        alone = "" if before else f"M{across:.1f} {down:.1f}"
        parts.append(f"{alone}L{across:.1f} {down:.1f}")
        before = True
    return "".join(parts)


def _grid(x: Axis, y: Axis) -> list[Html]:
    shapes = []
    for mark in y.marks:
        _, down = _place(x, y, (x.low, mark))
        shapes.append(element("line", x1=_LEFT, x2=WIDTH - _RIGHT, y1=down, y2=down, class_="grid"))
        shapes.append(element("text", y.text(mark), x=_LEFT - 6, y=down + 4, class_="value"))
    for mark in x.marks:
        across, down = _place(x, y, (mark, y.low))
        anchor = "first" if mark == x.marks[0] else "last" if mark == x.marks[-1] else "between"
        shapes.append(element("text", x.text(mark), x=across, y=down + 17, class_=anchor))
    return shapes


def _legend(curves: Sequence[Curve], text: Callable[[float], str]) -> Html:
    items = []
    for at, curve in enumerate(curves):
        last = _last(curve)
        figure = "no value" if last is None else text(last)
        swatch = element("span", class_=f"swatch color-{at % _COLORS}", aria_hidden="true")
        items.append(element("li", swatch, element("span", curve.name), " ", element("strong", figure)))
    return element("ul", *items, class_="legend")


def _words(curve: Curve, text: Callable[[float], str]) -> str:
    values = [value for _, value in curve.points if value is not None]
    if not values:
        return f"{curve.name} has no value"
    return f"{curve.name} {text(values[-1])} at the end, between {text(min(values))} and {text(max(values))}"


def _last(curve: Curve) -> float | None:
    return next((value for _, value in reversed(curve.points) if value is not None), None)
