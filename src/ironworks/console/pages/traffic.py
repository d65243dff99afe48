"""How an endpoint is doing, as curves: latency, requests, errors, and what its instances take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ironworks.drawing.curves import Axis, Curve, figure
from ironworks.drawing.markup import Html
from ironworks.server.metrics import Metrics

EMPTY = "No requests in this time."


@dataclass(frozen=True)
class Range:
    """How far the curves go back, and how many seconds a value is for."""

    name: str
    seconds: int
    period: int


RANGES = (Range("5 min", 290, 5), Range("1 h", 3600, 60), Range("12 h", 12 * 3600, 600))
"""Below a minute only the last five are known."""

_Series = Callable[[str, str, str], list[tuple[float, float | None]]]


def charts(metrics: Metrics, arn: str, variants: Sequence[str], span: Range, now: float) -> list[Html]:
    """The curves of an endpoint's variants until `now`, seconds since 1970."""
    end = now // span.period * span.period  # without the period that has only begun
    start = end - span.seconds

    def series(variant: str, metric: str, statistic: str) -> list[tuple[float, float | None]]:
        found = dict(metrics.series(arn, variant, metric, start, end, span.period, statistic))
        moments = [start + at for at in range(0, span.seconds, span.period)]
        return [(moment, found.get(moment)) for moment in moments]

    x = Axis(start, end, [start, end], lambda moment: "now" if moment == end else f"{span.name} ago")
    latency = _curves(series, variants, [("p50", "ModelLatency", "p50"), ("p99", "ModelLatency", "p99")])
    sums = [("requests", "Invocations", "Sum"), ("refused", "Invocation4XXErrors", "Sum")]
    sums.append(("failed", "Invocation5XXErrors", "Sum"))
    rates = [_rate(curve, span.period) for curve in _curves(series, variants, sums)]
    quiet = not any(value for curve in rates for _, value in curve.points)
    # Processes are looked at less often than there are periods.
    cpu = [_joined(curve) for curve in _curves(series, variants, [("CPU", "CPUUtilization", "Average")])]
    return [
        figure("Latency of the model", latency, x, _microseconds, EMPTY),
        figure("Requests a second", [] if quiet else rates, x, _plain, EMPTY),
        figure("Processor time of an instance, of one core", cpu, x, _percent, "Not measured yet."),
    ]


def _curves(series: _Series, variants: Sequence[str], wanted: Sequence[tuple[str, str, str]]) -> list[Curve]:
    several = len(variants) > 1
    return [
        Curve(f"{variant} {name}" if several else name, series(variant, metric, statistic))
        for variant in variants
        for name, metric, statistic in wanted
    ]


def _rate(curve: Curve, period: int) -> Curve:
    """A sum in each period as so much a second; where there was nothing, none."""
    return Curve(curve.name, [(moment, (value or 0.0) / period) for moment, value in curve.points])


def _joined(curve: Curve) -> Curve:
    """A curve without its gaps."""
    return Curve(curve.name, [point for point in curve.points if point[1] is not None])


def _microseconds(value: float) -> str:
    if value >= 1e6:
        return f"{value / 1e6:.3g} s"
    return f"{value / 1000:.3g} ms" if value >= 1000 else f"{value:.3g} µs"


def _plain(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _percent(value: float) -> str:
    return f"{value:.3g} %"
