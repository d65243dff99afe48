"""Draws two charts: how long one client waits, and how many requests a second are answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.serving.peers.figures import Line


@dataclass(frozen=True)
class Theme:
    """The colours of a picture."""

    paper: str
    ink: str
    ours: str
    theirs: str


LIGHT = Theme("#fcfcfa", "#24292f", "#1f6feb", "#a8adb4")
DARK = Theme("#0d1117", "#e6edf3", "#58a6ff", "#5b636d")


def draw(lines: Sequence[Line], clients: Sequence[int], path: Path, theme: Theme) -> None:
    """Bars of the payload npy, the best first. Both scales are logarithmic, and each bar has its number."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    measured = [line for line in lines if line.rounds and line.payload == "npy"]
    with mpl.rc_context({"font.size": 8, "text.color": theme.ink}):
        figure = Figure(figsize=(10, 1.2 + 0.27 * len(measured)), facecolor=theme.paper, layout="constrained")
        left, right = figure.subplots(1, 2)
        few, many = min(clients), max(clients)
        times = [(line, line.p50(few) or 0.0) for line in measured]
        rates = [(line, line.throughput(many) or 0.0) for line in measured]
        _bars(
            left, sorted(times, key=lambda item: item[1]), f"p50 in µs, {few} client{'s' * (few > 1)}", theme
        )
        _bars(
            right,
            sorted(rates, key=lambda item: -item[1]),
            f"requests a second, {many} clients",
            theme,
        )
        figure.savefig(path, facecolor=theme.paper, dpi=160)


def _bars(axes: Any, items: Sequence[tuple[Line, float]], title: str, theme: Theme) -> None:
    values = [value for _, value in items]
    names = [line.name for line, _ in items]
    colours = [theme.ours if name.startswith("Ironworks") else theme.theirs for name in names]
    drawn = axes.barh(range(len(items)), values, color=colours)
    axes.bar_label(drawn, [f"{value:,.0f}" for value in values], padding=3, color=theme.ink)
    axes.set(facecolor=theme.paper, xscale="log", ylim=(len(items) - 0.4, -0.6))
    axes.set_xlim(min(values) / 3, max(values) * 4)
    axes.set_title(title, color=theme.ink, loc="left", fontweight="bold")
    axes.set_yticks(range(len(items)), names)
    axes.tick_params(colors=theme.ink, length=0, which="both")
    axes.set_xticks([])
    axes.minorticks_off()
    for side in axes.spines.values():
        side.set_visible(False)
