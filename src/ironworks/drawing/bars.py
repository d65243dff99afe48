"""Horizontal bars: a list that reads as text, with a drawing beside each line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ironworks.drawing.markup import Html, element

_CUT = 94.0
"""Percent of the width that a bar takes which is too long for the scale."""


@dataclass(frozen=True)
class Bar:
    """A line of the chart.

    Attributes:
        name, figure: what it is, and its value in words.
        share: of the longest bar, 0 … 1; more is cut off; None has no bar.
        start: where on the same scale the bar begins.
        note: more words, below.
        badge: one word that marks it, `fastest`.
        class_: how it is drawn.
    """

    name: str
    figure: str
    share: float | None
    note: str = ""
    badge: str = ""
    class_: str = ""
    start: float = 0.0


def chart(caption: str, bars: Sequence[Bar]) -> Html:
    """The bars in the order given."""
    return element(
        "figure",
        element("figcaption", caption),
        element("ol", *(_bar(bar) for bar in bars), class_="bars"),
        class_="chart",
    )


def _bar(bar: Bar) -> Html:
    badge = [element("span", bar.badge, class_="badge")] if bar.badge else []
    parts = [
        element("span", element("span", bar.name, class_="name"), *badge),
        element("span", bar.figure, class_="figure"),
    ]
    if bar.share is not None:
        parts.append(_drawn(bar.share, bar.start))
    if bar.note:
        parts.append(element("span", bar.note, class_="note"))
    return element("li", *parts, class_=bar.class_ or None)


def _drawn(share: float, start: float) -> Html:
    """A bar, of at least what can be seen; a cut one ends in a gap and a stump."""
    shapes = [
        element("rect", x=0, y=0, width="100%", height=10, class_="track"),
        element(
            "rect",
            x=f"{min(start, 0.996):.1%}",
            y=0,
            width=f"{max(0.4, min(share * 100, _CUT if share > 1 else 100)):.1f}%",
            height=10,
        ),
    ]
    if share > 1:
        shapes.append(element("rect", x=f"{_CUT + 1:.0f}%", y=0, width="5%", height=10))
    return element("svg", *shapes, class_="bar", height=10, width="100%", aria_hidden="true")
