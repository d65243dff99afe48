"""Invocations recorded at known moments, and read back as series."""

from __future__ import annotations

import threading
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironworks.server.metrics import Metrics, parse_times
from ironworks.server.metrics.intervals import MINUTES, SECONDS
from ironworks.server.metrics.registry import UnknownMetric
from ironworks.server.metrics.statistics import UnknownStatistic

ARN = "arn:aws:sagemaker:us-west-2:123456789012:endpoint/digits"
NOON = 1_800_000_000 // 3600 * 3600


class Clock:
    """What time it is, as the test says."""

    def __init__(self) -> None:
        self.now: float = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def metrics(clock: Clock) -> Metrics:
    return Metrics(lambda _arn, _variant: 2, clock)


def record(
    metrics: Metrics, status: int = 200, variant: str = "blue", total: int = 500, instance: int = 400
) -> None:
    metrics.record(ARN, variant, status, total_us=total, instance_us=instance)


def total(metrics: Metrics, metric: str, statistic: str = "Sum", variant: str | None = "blue") -> float:
    """Over all time, as one value."""
    ((_, value),) = metrics.series(ARN, variant, metric, NOON, NOON + 86400, 86400, statistic)
    return value


def test_an_invocation_is_in_every_metric_at_once(metrics: Metrics) -> None:
    record(metrics, total=500, instance=400)
    record(metrics, total=700, instance=300)
    assert total(metrics, "Invocations") == 2
    assert total(metrics, "InvocationsPerInstance") == 1
    assert total(metrics, "ModelLatency", "Average") == 350
    assert total(metrics, "OverheadLatency", "Maximum") == 400
    assert total(metrics, "ModelLatency", "p100") == 400


@pytest.mark.parametrize(
    ("status", "expected"), [(200, [0, 0, 0]), (415, [1, 0, 1]), (500, [0, 1, 1]), (504, [0, 1, 1])]
)
def test_errors_are_counted_by_their_code(metrics: Metrics, status: int, expected: list[int]) -> None:
    record(metrics)
    record(metrics, status)
    names = ("Invocation4XXErrors", "Invocation5XXErrors", "InvocationModelErrors")
    assert [total(metrics, name) for name in names] == expected
    assert [total(metrics, name, "Average") for name in names] == [count / 2 for count in expected]


def test_each_second_and_each_minute_has_its_own_value(metrics: Metrics, clock: Clock) -> None:
    for offset in (0, 0, 1, 59, 61):
        clock.now = NOON + offset + 0.5
        record(metrics)
    clock.now = NOON + 62
    by_second = metrics.series(ARN, "blue", "Invocations", NOON, NOON + 120, 1, "Sum")
    assert by_second == [(NOON, 2), (NOON + 1, 1), (NOON + 59, 1), (NOON + 61, 1)]
    by_minute = metrics.series(ARN, "blue", "Invocations", NOON, NOON + 120, 60, "Sum")
    assert by_minute == [(NOON, 4), (NOON + 60, 1)]
    in_steps = metrics.series(ARN, "blue", "Invocations", NOON, NOON + 120, 30, "Sum")
    assert in_steps == [(NOON, 3), (NOON + 30, 1), (NOON + 60, 1)]


def test_the_minute_that_is_not_over_is_seen(metrics: Metrics) -> None:
    record(metrics)
    assert metrics.series(ARN, "blue", "Invocations", NOON, NOON + 60, 60, "Sum") == [(NOON, 1)]


def test_the_window_begins_with_its_minute_and_ends_before_its_end(metrics: Metrics, clock: Clock) -> None:
    for minute in range(3):
        clock.now = NOON + 60 * minute
        record(metrics)
    assert metrics.series(ARN, "blue", "Invocations", NOON + 60, NOON + 120, 60, "Sum") == [(NOON + 60, 1)]
    assert metrics.series(ARN, "blue", "Invocations", NOON + 95.5, NOON + 120, 60, "Sum") == [(NOON + 60, 1)]


def test_variants_are_apart_or_together(metrics: Metrics) -> None:
    record(metrics, variant="blue")
    record(metrics, variant="green")
    record(metrics, variant="green")
    assert total(metrics, "Invocations", variant="blue") == 1
    assert total(metrics, "Invocations", variant="green") == 2
    assert total(metrics, "Invocations", variant=None) == 3
    assert metrics.series(ARN + "-2", None, "Invocations", 0, 2 * NOON, 60, "Sum") == []


def test_times_of_the_instance_are_kept_beside_those_seen_from_here(metrics: Metrics) -> None:
    metrics.record(ARN, "blue", 200, total_us=500, instance_us=400, times=(10, 30, 350))
    (intervals,) = metrics.variants().values()
    invocations = intervals.since_start()
    sums = [
        getattr(invocations, stage).total
        for stage in ("queue", "hooks", "model", "instance", "overhead", "total")
    ]
    assert sums == [10, 30, 350, 400, 100, 500]


def test_utilisation_is_a_value_for_each_look_at_each_instance(metrics: Metrics) -> None:
    metrics.sample(ARN, "blue", cpu=150.0, memory=3.0)
    metrics.sample(ARN, "blue", cpu=50.0, memory=1.0)
    assert total(metrics, "CPUUtilization", "Average") == 100
    assert total(metrics, "MemoryUtilization", "Maximum") == 3


def test_a_clock_that_is_set_back_loses_nothing_and_keeps_the_order(metrics: Metrics, clock: Clock) -> None:
    record(metrics)
    clock.now -= 3600
    record(metrics)
    clock.now += 3660
    record(metrics)
    clock.now += 1
    for period in (1, 60):
        found = metrics.series(ARN, "blue", "Invocations", NOON - 7200, NOON + 7200, period, "Sum")
        assert found == [(NOON, 2), (NOON + 60, 1)]


def test_old_intervals_go_and_the_sum_stays(metrics: Metrics, clock: Clock) -> None:
    for minute in range(MINUTES + 10):
        clock.now = NOON + 60 * minute
        record(metrics)
    for _ in range(SECONDS + 10):
        clock.now += 1
        record(metrics)
    (intervals,) = metrics.variants().values()
    assert len(intervals.seconds(int(clock.now) + 1)) == SECONDS
    assert len(intervals.minutes(int(clock.now))) == MINUTES + 1
    assert intervals.since_start().total.count == MINUTES + SECONDS + 20


def test_a_variant_is_forgotten_when_nothing_of_it_is_left(metrics: Metrics, clock: Clock) -> None:
    record(metrics, variant="blue")
    clock.now += 60 * MINUTES
    record(metrics, variant="green")
    metrics.forget_idle()
    assert len(metrics.variants()) == 2
    clock.now += 1
    metrics.series(ARN, None, "Invocations", 0, 1, 60, "Sum")  # reading is no use
    metrics.forget_idle()
    assert [variant for _, variant in metrics.variants()] == ["green"]


@given(
    st.lists(st.tuples(st.integers(0, 90), st.integers(0, 10**6)), max_size=60),
    st.sampled_from([60, 120, 300]),
)
def test_series_have_every_invocation_once_in_its_period(steps: list[tuple[int, int]], period: int) -> None:
    clock = Clock()
    metrics = Metrics(lambda _arn, _variant: 1, clock)
    expected: dict[float, list[int]] = defaultdict(list)
    for pause, value in steps:
        clock.now += pause
        record(metrics, instance=value)
        expected[NOON + (clock.now - NOON) // period * period].append(value)
        # Reading in between must change nothing.
        metrics.series(ARN, "blue", "ModelLatency", NOON, clock.now + 1, period, "Sum")
    for statistic, compute in (("Sum", sum), ("SampleCount", len), ("Minimum", min), ("Maximum", max)):
        found = metrics.series(ARN, "blue", "ModelLatency", NOON, clock.now + 1, period, statistic)
        assert found == [(moment, compute(values)) for moment, values in sorted(expected.items())]


def test_readers_and_recorders_in_threads_lose_nothing(metrics: Metrics, clock: Clock) -> None:
    def work() -> None:
        for _ in range(2000):
            record(metrics)
            clock.now += 0.01

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        metrics.series(ARN, "blue", "ModelLatency", NOON, NOON + 600, 60, "p99")
        for intervals in metrics.variants().values():
            intervals.since_start()
    assert total(metrics, "Invocations") == 6000


def test_what_is_not_known_is_refused_by_name(metrics: Metrics) -> None:
    record(metrics)
    with pytest.raises(UnknownMetric, match="Latencies.*ModelLatency"):
        metrics.series(ARN, "blue", "Latencies", NOON, NOON + 60, 60, "Sum")
    with pytest.raises(UnknownStatistic, match="no percentiles"):
        metrics.series(ARN, "blue", "Invocations", NOON, NOON + 60, 60, "p50")
    with pytest.raises(UnknownStatistic, match="mean"):
        metrics.series(ARN, "blue", "ModelLatency", 0, 1, 60, "mean")


@pytest.mark.parametrize(
    ("header", "times"),
    [
        ("1,22,333", (1, 22, 333)),
        (None, None),
        ("", None),
        ("1,2", None),
        ("1,2,3,4", None),
        ("1,2,x", None),
        ("1,-2,3", None),
    ],
)
def test_times_in_a_header(header: str | None, times: tuple[int, int, int] | None) -> None:
    assert parse_times(header) == times
