"""Phases one after another, each as a bar where it lies in the whole time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ironworks.console.rendering import duration
from ironworks.drawing.bars import Bar, chart
from ironworks.drawing.markup import Html


@dataclass(frozen=True)
class Span:
    """A phase, from and to a moment in seconds since 1970."""

    name: str
    start: float
    end: float
    note: str = ""


def phases(spans: Sequence[Span]) -> Html:
    """The drawing; nothing if there are no phases."""
    if not spans:
        return Html()
    first = spans[0].start
    whole = max(1e-3, max(span.end for span in spans) - first)
    bars = [
        Bar(
            name=span.name,
            figure=duration(span.end - span.start),
            share=(span.end - span.start) / whole,
            start=(span.start - first) / whole,
            note=span.note,
        )
        for span in spans
    ]
    return chart(f"Phases, {duration(whole)} together", bars)
