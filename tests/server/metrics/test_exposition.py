"""The page of metrics, read by Prometheus' own parser."""

from __future__ import annotations

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families as parse

from ironworks import __version__
from ironworks.control import endpoints, training_jobs
from ironworks.control.platform import Platform
from ironworks.control.records import Resource
from ironworks.server.metrics import Metrics
from ironworks.server.metrics.exposition import Family, _lines, page
from tests.server.metrics.conftest import REGION, add_instance

LABELS = {"region": REGION, "endpoint": "digits", "variant": "blue"}


class Page:
    """The page's samples, by name and labels."""

    def __init__(self, text: bytes) -> None:
        self.families = {family.name: family for family in parse(text.decode())}
        self._samples = {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in self.families.values()
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float:
        return self._samples[(name, *sorted(labels.items()))]

    def has(self, name: str) -> bool:
        return any(sample[0] == name for sample in self._samples)


def scrape(metrics: Metrics, platform: Platform) -> Page:
    return Page(page(metrics, platform))


def test_invocations_are_counted_by_status(platform: Platform, endpoint: Resource) -> None:
    metrics = Metrics()
    for status in (200, 200, 415, 504):
        metrics.record(endpoint.arn, "blue", status, total_us=500, instance_us=400)
    found = scrape(metrics, platform)
    counts = [
        found.value("ironworks_invocations_total", **LABELS, code=code) for code in ("200", "415", "504")
    ]
    assert counts == [2, 1, 1]
    assert found.families["ironworks_invocations"].type == "counter"


def test_times_are_histograms_in_seconds_by_stage(platform: Platform, endpoint: Resource) -> None:
    metrics = Metrics()
    metrics.record(endpoint.arn, "blue", 200, total_us=600, instance_us=512, times=(0, 20, 470))
    metrics.record(endpoint.arn, "blue", 200, total_us=90_000_000, instance_us=513, times=(0, 20, 470))
    found = scrape(metrics, platform)
    assert found.families["ironworks_invocation_seconds"].type == "histogram"

    def below(stage: str, border: str) -> float:
        return found.value("ironworks_invocation_seconds_bucket", **LABELS, stage=stage, le=border)

    assert [below("instance", border) for border in ("0.000256", "0.000512", "0.001024", "+Inf")] == [
        0,
        1,
        2,
        2,
    ]
    assert [below("total", border) for border in ("0.000512", "0.001024", "67.108864", "+Inf")] == [
        0,
        1,
        1,
        2,
    ]
    assert [below("queue", border) for border in ("6.4e-05", "+Inf")] == [2, 2]
    sums = found.value("ironworks_invocation_seconds_sum", **LABELS, stage="hooks")
    assert sums == pytest.approx(40e-6)
    assert found.value("ironworks_invocation_seconds_count", **LABELS, stage="model") == 2


def test_stages_that_an_instance_does_not_tell_are_absent(platform: Platform, endpoint: Resource) -> None:
    metrics = Metrics()
    metrics.record(endpoint.arn, "blue", 200, total_us=600, instance_us=500)
    stages = {
        sample.labels["stage"]
        for sample in scrape(metrics, platform).families["ironworks_invocation_seconds"].samples
    }
    assert stages == {"total", "instance", "overhead"}


def test_instances_show_what_they_use(
    platform: Platform, endpoint: Resource, process: psutil.Process
) -> None:
    add_instance(platform, endpoint, process.pid, process.create_time())
    found = scrape(Metrics(), platform)
    assert found.value("ironworks_instances", **LABELS) == 1
    resident = found.value("ironworks_instance_resident_memory_bytes", **LABELS, instance="i-1")
    assert resident == process.memory_info().rss
    assert found.value("ironworks_instance_cpu_seconds_total", **LABELS, instance="i-1") >= 0


def test_jobs_and_endpoints_are_counted_by_status(platform: Platform, endpoint: Resource) -> None:
    for name, status in (("a", "Failed"), ("b", "Completed"), ("c", "Completed")):
        arn = platform.arn(REGION, training_jobs.KIND, name)
        platform.resources.create(training_jobs.KIND, REGION, name, arn, status=status, request={}, state={})
    found = scrape(Metrics(), platform)

    def count(kind: str, status: str) -> float:
        return found.value("ironworks_resources", kind=kind, region=REGION, status=status)

    assert (count(training_jobs.KIND, "Completed"), count(training_jobs.KIND, "Failed")) == (2, 1)
    assert count(endpoints.KIND, "InService") == 1


def test_the_server_shows_itself(platform: Platform) -> None:
    found = scrape(Metrics(), platform)
    assert found.value("process_resident_memory_bytes") > 1_000_000
    assert found.value("process_start_time_seconds") == pytest.approx(psutil.Process().create_time())
    assert found.value("process_open_fds") > 0
    assert found.families["ironworks_build_info"].samples[0].labels["version"] == __version__
    assert not found.has("ironworks_invocations_total")


def test_labels_hold_any_text() -> None:
    text = "".join(_lines(Family("f", "gauge", "F.", [("", {"label": 'a"b\\c\nd\\n'}, 1.5)])))
    (family,) = parse(text)
    assert family.samples[0].labels == {"label": 'a"b\\c\nd\\n'} and family.samples[0].value == 1.5
