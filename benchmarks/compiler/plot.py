"""Draws the ratios: `python -m benchmarks.compiler.plot FILE.svg FILE.png < POINTS.json`.

It runs where matplotlib is. The points are `[{"model", "batch", "threads", "ratio"}, …]`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Point = Mapping[str, Any]

_PAPER, _INK, _GRID = "#fcfcfa", "#24292f", "#d9d9d4"
_COLOURS = ("#1f6feb", "#c4621a", "#2d8a4e", "#8250df")
_MARKERS = {1: "o", 2: "D", 4: "s"}
_TICKS = (0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20, 50)


def draw(points: Sequence[Point], paths: Sequence[Path]) -> None:
    """One row a model, one mark a case; the colour is the batch, the mark's form the threads."""
    import matplotlib as mpl

    mpl.use("agg")
    mpl.rcParams.update({"svg.hashsalt": "ironworks", "font.size": 9, "text.color": _INK})
    import matplotlib.pyplot as plt

    models = list(dict.fromkeys(point["model"] for point in points))
    figure, axes = plt.subplots(figsize=(8, 1.4 + 0.34 * len(models)), facecolor=_PAPER, layout="constrained")
    kinds = sorted({(point["batch"], point["threads"]) for point in points})
    batches = sorted({batch for batch, _ in kinds})
    for position, (batch, threads) in enumerate(kinds):
        chosen = [p for p in points if (p["batch"], p["threads"]) == (batch, threads)]
        offset = 0.3 * (position - (len(kinds) - 1) / 2) / max(1, len(kinds) - 1)
        axes.plot(
            [point["ratio"] for point in chosen],
            [models.index(point["model"]) + offset for point in chosen],
            linestyle="none",
            marker=_MARKERS.get(threads, "^"),
            color=_COLOURS[batches.index(batch) % len(_COLOURS)],
            markersize=5,
            alpha=0.9,
            label=f"batch {batch}, {threads} thread{'s' if threads > 1 else ''}",
        )
    _dress(axes, models, [point["ratio"] for point in points])
    figure.legend(loc="outside lower center", ncols=4, frameon=False)
    for path in paths:
        options = {"metadata": {"Date": None}} if path.suffix == ".svg" else {"dpi": 160}
        figure.savefig(path, facecolor=_PAPER, **options)
    plt.close(figure)


def _dress(axes: Any, models: Sequence[str], ratios: Sequence[float]) -> None:
    low, high = min([0.9, *ratios]) / 1.1, max([2.0, *ratios]) * 1.15
    axes.set(facecolor=_PAPER, xscale="log", xlim=(low, high), ylim=(len(models) - 0.5, -0.5))
    axes.axvspan(low, 1, color=_GRID, alpha=0.45, linewidth=0)
    axes.axvline(1, color=_INK, linewidth=1)
    axes.set_yticks(range(len(models)), models)
    ticks = [tick for tick in _TICKS if low <= tick <= high]
    axes.set_xticks(ticks, [f"{tick:g} ×" for tick in ticks])
    axes.minorticks_off()
    axes.grid(axis="x", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel("times faster than the best rival (logarithmic); to the left of 1 the rival is faster")
    axes.xaxis.label.set_color(_INK)
    axes.tick_params(colors=_INK, length=0)
    for side in axes.spines.values():
        side.set_visible(False)


def main() -> None:
    """Draw to the files that are named."""
    draw(json.load(sys.stdin), [Path(name) for name in sys.argv[1:]])


if __name__ == "__main__":
    main()
