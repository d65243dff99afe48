"""The metrics that a training job has printed, as curves over its time."""

from __future__ import annotations

from collections.abc import Sequence

from ironworks.console.rendering import duration
from ironworks.control import training_metrics
from ironworks.database import Database
from ironworks.drawing.curves import Axis, Curve, figure
from ironworks.drawing.markup import Html

MOST_POINTS = 1000
"""Of a curve; where there are more, every so many are drawn."""
_FOR_EVER = 1e11


def figures(database: Database, region: str, job: str) -> list[Html]:
    """One figure for each subject: `train:loss` and `validation:loss` belong together."""
    groups: dict[str, list[Curve]] = {}
    for _, name in training_metrics.names(database, region, job):
        points = list(training_metrics.read(database, region, job, name, 0.0, _FOR_EVER))
        groups.setdefault(name.rpartition(":")[2], []).append(Curve(name, _thinned(points)))
    if not groups:
        return []
    moments = [moment for curves in groups.values() for curve in curves for moment, _ in curve.points]
    x = _time_axis(min(moments), max(moments))
    return [figure(subject, curves, x, _plain, "") for subject, curves in sorted(groups.items())]


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float | None]]:
    """The last point always stays."""
    step = -(-len(points) // MOST_POINTS)
    return [*points[:-1:step], points[-1]]


def _time_axis(start: float, end: float) -> Axis:
    end = max(end, start + 1.0)
    return Axis(start, end, [start, (start + end) / 2, end], lambda moment: duration(moment - start))


def _plain(value: float) -> str:
    return f"{value:.4g}"
