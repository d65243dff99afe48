"""An endpoint's curves."""

from __future__ import annotations

import re

from ironworks.console.pages.traffic import RANGES, charts
from ironworks.server.metrics import Metrics

NOW = 1_800_000_000.0
ARN = "arn:aws:sagemaker:us-west-2:1:endpoint/e"


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


def words(metrics: Metrics, variants: list[str], range_: int = 0) -> list[str]:
    """What the charts say to those who do not see them."""
    drawn = charts(metrics, ARN, variants, RANGES[range_], NOW)
    return ["; ".join(re.findall(r'aria-label="([^"]*)"', chart)) for chart in drawn]


def test_latency_requests_and_processor_time_are_drawn() -> None:
    clock = Clock()
    metrics = Metrics(clock=clock)
    clock.now = NOW - 20
    metrics.sample(ARN, "a", cpu=50.0, memory=1.0)
    for _ in range(10):
        metrics.record(ARN, "a", 200, total_us=900, instance_us=500)
    clock.now = NOW - 3
    metrics.record(ARN, "a", 500, total_us=900, instance_us=500)
    clock.now = NOW
    latency, requests, cpu = words(metrics, ["a"])
    assert latency.startswith("Latency of the model: p50 500 µs at the end")
    assert "requests 0.2 at the end, between 0 and 2;" in requests
    assert "failed 0.2 at the end" in requests and "refused 0 at the end" in requests
    assert "CPU 50 % at the end" in cpu


def test_what_has_only_begun_is_not_drawn() -> None:
    metrics = Metrics(clock=Clock())
    metrics.record(ARN, "a", 200, total_us=900, instance_us=500)
    assert words(metrics, ["a"]) == ["", "", ""]


def test_curves_of_several_variants_are_named_after_them() -> None:
    clock = Clock()
    clock.now = NOW - 10
    metrics = Metrics(clock=clock)
    metrics.record(ARN, "a", 200, total_us=900, instance_us=500)
    clock.now = NOW
    assert "a p50 500 µs" in words(metrics, ["a", "b"])[0]
    assert "b p50 has no value" in words(metrics, ["a", "b"])[0]


def test_every_range_can_be_asked_for() -> None:
    clock = Clock()
    clock.now = NOW - 3000
    metrics = Metrics(clock=clock)
    metrics.record(ARN, "a", 200, total_us=900, instance_us=500)
    clock.now = NOW
    assert [bool(words(metrics, ["a"], number)[0]) for number in range(len(RANGES))] == [False, True, True]
