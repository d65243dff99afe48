"""Where invocations are counted and metrics are read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from ironworks.server.metrics.endpoint_metrics import METRICS
from ironworks.server.metrics.intervals import MINUTES, Interval, Times, VariantIntervals
from ironworks.server.metrics.statistics import StatisticSet, check_statistic

Key = tuple[str, str]
"""The ARN of an endpoint, and a variant's name."""


class UnknownMetric(ValueError):
    """Endpoints have no metric of that name."""


class Metrics:
    """The metrics of all endpoints, in memory: the last 5 minutes second by second, the last 12 hours by the minute."""

    def __init__(
        self,
        instances: Callable[[str, str], int] = lambda _arn, _variant: 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`instances` says how many of them serve a variant of an endpoint, `clock` what time it is."""
        self._instances = instances
        self._clock = clock
        self._variants: dict[Key, VariantIntervals] = {}

    def record(
        self,
        arn: str,
        variant: str,
        status: int,
        *,
        total_us: int,
        instance_us: int,
        times: Times | None = None,
    ) -> None:
        """Count an invocation; any thread may.

        Args:
            arn: the endpoint's.
            status: what the instance answered; 503 if none was there, 504 if it was late.
            total_us: microseconds from the request to its answer.
            instance_us: what of them the instance took, as seen from here.
            times: how it spent them, if it said so.
        """
        self._variant(arn, variant).record(int(self._clock()), status, total_us, instance_us, times)

    def sample(self, arn: str, variant: str, cpu: float, memory: float) -> None:
        """Add what was seen of one instance: percent of one core, percent of the machine's memory."""
        self._variant(arn, variant).sample(int(self._clock()), cpu, memory)

    def series(
        self,
        arn: str,
        variant: str | None,
        metric: str,
        start: float,
        end: float,
        period: int,
        statistic: str,
    ) -> list[tuple[float, float]]:
        """A metric over time.

        Args:
            arn: the endpoint's.
            variant: None takes all variants together.
            metric: one of `endpoint_metrics.METRICS`.
            start, end: seconds since 1970; the start is rounded down to the minute, or to a shorter period, and the
                end is not included.
            period: seconds of each value: 1, 5, 10, 20, 30 or a multiple of 60; below 60, only the last 5 minutes
                are known.
            statistic: as CloudWatch names it, such as `Average` or `p99`.

        Returns:
            The beginning of each period in which something happened, and its value.

        Raises:
            UnknownMetric, UnknownStatistic: there is none of that name.
        """
        check_statistic(statistic)
        sets = self.sets(arn, variant, metric, start, end, period)
        return [(moment, values.statistic(statistic)) for moment, values in sets]

    def sets(
        self, arn: str, variant: str | None, metric: str, start: float, end: float, period: int
    ) -> list[tuple[float, StatisticSet]]:
        """As `series`, with all statistics of each period."""
        if metric not in METRICS:
            raise UnknownMetric(f"Endpoints have no metric {metric!r}, only {', '.join(METRICS)}.")
        values = METRICS[metric].values
        start = rounded_down(start, period)
        found: dict[float, StatisticSet] = {}
        for interval in self._intervals(arn, variant, period):
            if start <= interval.start < end and (mine := values(interval)).count:
                moment = start + (interval.start - start) // period * period
                if moment not in found:
                    found[moment] = type(mine)()
                found[moment].merge(mine)
        return sorted(found.items(), key=lambda item: item[0])

    def variants(self) -> dict[Key, VariantIntervals]:
        """Everything that is known, by endpoint and variant."""
        return dict(sorted(self._variants.items()))

    def forget_idle(self) -> None:
        """Drop variants of which nothing is left to tell but their sum: what was deleted long ago."""
        oldest = self._clock() - 60 * MINUTES
        for key, intervals in self.variants().items():
            if intervals.last_use() < oldest:
                self._variants.pop(key, None)

    def _variant(self, arn: str, variant: str) -> VariantIntervals:
        found = self._variants.get((arn, variant))
        if found is None:
            made = VariantIntervals(lambda: self._instances(arn, variant), int(self._clock()))
            found = self._variants.setdefault((arn, variant), made)
        return found

    def _intervals(self, arn: str, variant: str | None, period: int) -> Iterable[Interval]:
        now = int(self._clock())
        for (known, name), intervals in self.variants().items():
            if known == arn and variant in (None, name):
                yield from intervals.minutes(now) if period % 60 == 0 else intervals.seconds(now)


def rounded_down(start: float, period: int) -> float:
    """Where the first period begins, if the periods shall cover `start`, as CloudWatch rounds it."""
    unit = min(period, 60)
    return start // unit * unit


def parse_times(header: str | None) -> Times | None:
    """What an instance says in `x-ironworks-times: QUEUE,HOOKS,MODEL` (microseconds); None if it is not that."""
    try:
        queue, hooks, model = (header or "").split(",")
        times = int(queue), int(hooks), int(model)
    except ValueError:
        return None
    return times if min(times) >= 0 else None
