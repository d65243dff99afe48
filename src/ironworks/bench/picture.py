"""The picture of the notebook: the trials in their order against the mean time of each, one line a side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ironworks.bench.report import Report
from ironworks.errors import ClientError

FORMATS = (".png", ".svg")


@dataclass(frozen=True)
class _Theme:
    suffix: str
    paper: str
    ink: str
    faint: str
    lines: Sequence[str]


_THEMES = (
    _Theme("", "#fcfcfa", "#24292f", "#d9d9d4", ("#1f6feb", "#c4621a", "#8250df", "#2d8a4e")),
    _Theme("-dark", "#0d1117", "#e6edf3", "#30363d", ("#58a6ff", "#f0883e", "#bc8cff", "#3fb950")),
)
_MARKERS = ("o", "s", "^", "D")


def check(paths: Sequence[Path]) -> None:
    """Find out whether pictures can be drawn before minutes are spent on measuring.

    Raises:
        ClientError: a file is neither .png nor .svg, its folder is not there, or matplotlib is not installed.
    """
    for path in paths:
        if path.suffix.lower() not in FORMATS:
            raise ClientError(f"The picture {path} must end in {' or '.join(FORMATS)}.")
        if not path.parent.is_dir():
            raise ClientError(f"The picture {path} cannot be written: there is no folder {path.parent}.")
    if paths:
        try:
            import matplotlib  # noqa: F401
        except ImportError:
            raise ClientError("A picture needs matplotlib: pip install 'ironworks[bench]'") from None


def draw(report: Report, path: Path) -> list[Path]:
    """Draw a report on a light ground into `path`, and on a dark one into the file beside it; both paths."""
    return [_draw(report, path.with_stem(path.stem + theme.suffix), theme) for theme in _THEMES]


def _draw(report: Report, path: Path, theme: _Theme) -> Path:
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12)  # inches
    style: Any = {
        "svg.hashsalt": "ironworks",
        "svg.fonttype": "path",
        "font.size": 9,
        "text.color": theme.ink,
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=(8, 4.6), facecolor=theme.paper, layout=layout)
        axes = figure.subplots()
        scale, unit = _unit(report)
        for index, (name, samples) in enumerate(report.samples.items()):
            axes.plot(
                range(1, len(samples) + 1),
                [sample.mean / scale for sample in samples],
                color=theme.lines[index % len(theme.lines)],
                marker=_MARKERS[index % len(_MARKERS)],
                markersize=4,
                linewidth=1.5,
                label=name,
            )
        _dress(axes, theme, unit)
        axes.set_title(report.title, fontsize=12, fontweight="bold", color=theme.ink, pad=30)
        if len(report.samples) > 1:
            place: Any = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "ncols": 4}
            axes.legend(frameon=False, labelcolor=theme.ink, **place)
        figure.supxlabel("\n".join(report.footer), fontsize=7, color=theme.ink)
        options = {"metadata": {"Date": None}} if path.suffix.lower() == ".svg" else {"dpi": 160}
        figure.savefig(path, facecolor=theme.paper, **options)
    return path


def _unit(report: Report) -> tuple[float, str]:
    """Microseconds of the axis' unit, and its name."""
    slowest = max(summary.mean for summary in report.summaries.values())
    return (1000.0, "ms") if slowest >= 1000 else (1.0, "µs")


def _dress(axes: Any, theme: _Theme, unit: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set(facecolor=theme.paper, xlabel="trial", ylabel=f"mean latency of the trial, {unit}")
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", color=theme.faint, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=theme.ink, length=0)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_color(theme.ink)
    for side in axes.spines.values():
        side.set_visible(False)
