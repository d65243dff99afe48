"""The metrics as Prometheus scrapes them: its text format, version 0.0.4.

Source: prometheus.io/docs/instrumenting/exposition_formats.
"""

from __future__ import annotations

import platform as machine
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import psutil
from sqlalchemy import func, select

from ironworks import __version__
from ironworks.control import compilation_jobs, endpoints, training_jobs
from ironworks.control.platform import Platform
from ironworks.control.records import Resource
from ironworks.server.metrics.intervals import STAGES
from ironworks.server.metrics.processes import InstanceUse, instance_uses
from ironworks.server.metrics.registry import Metrics
from ironworks.server.metrics.statistics import Histogram, octaves

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BORDERS = tuple(octaves(6, 26))
"""Of the buckets, in microseconds: 64 µs to 67 s, each twice the one before."""
_KINDS = (training_jobs.KIND, compilation_jobs.KIND, endpoints.KIND)
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Family:
    """The samples of one metric.

    Attributes:
        kind: `counter`, `gauge` or `histogram`.
        samples: each with what its name adds to the family's, its labels and its value.
    """

    name: str
    kind: str
    description: str
    samples: Iterable[tuple[str, Labels, float]]


def page(metrics: Metrics, platform: Platform) -> bytes:
    """Everything, as it is now. Reads the database."""
    families = (
        *_invocations(metrics),
        *_instances(instance_uses(platform)),
        *_resources(platform),
        *_server(),
    )
    return "".join(line for family in families for line in _lines(family)).encode()


def _lines(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {family.description}\n# TYPE {family.name} {family.kind}\n"
    for suffix, labels, value in family.samples:
        inner = ",".join(f'{name}="{text.translate(_ESCAPES)}"' for name, text in labels.items())
        yield f"{family.name}{suffix}{'{' + inner + '}' if inner else ''} {value!r}\n"


def _invocations(metrics: Metrics) -> Iterator[Family]:
    statuses: list[tuple[str, Labels, float]] = []
    seconds: list[tuple[str, Labels, float]] = []
    for (arn, variant), intervals in metrics.variants().items():
        invocations = intervals.since_start()
        labels = _labels(arn, variant)
        for status, count in sorted(invocations.statuses.items()):
            statuses.append(("", {**labels, "code": str(status)}, count))
        for stage in STAGES:
            histogram: Histogram = getattr(invocations, stage)
            if histogram.count:
                seconds += _histogram({**labels, "stage": stage}, histogram)
    yield Family(
        "ironworks_invocations_total",
        "counter",
        "Invocations by the status that the model answered.",
        statuses,
    )
    yield Family(
        "ironworks_invocation_seconds",
        "histogram",
        "Time of invocations: total = overhead + instance; inside the instance queue, hooks and model.",
        seconds,
    )


def _histogram(labels: Labels, histogram: Histogram) -> Iterator[tuple[str, Labels, float]]:
    for border in BORDERS:
        yield "_bucket", {**labels, "le": repr(border / 1e6)}, histogram.at_most(border)
    yield "_bucket", {**labels, "le": "+Inf"}, histogram.count
    yield "_sum", labels, histogram.total / 1e6
    yield "_count", labels, histogram.count


def _instances(uses: Sequence[InstanceUse]) -> Iterator[Family]:
    counts = Counter((use.arn, use.variant) for use in uses)
    of_instance = [({**_labels(use.arn, use.variant), "instance": use.id}, use) for use in uses]
    yield Family(
        "ironworks_instances",
        "gauge",
        "Instances that run.",
        [("", _labels(arn, variant), count) for (arn, variant), count in counts.items()],
    )
    yield Family(
        "ironworks_instance_resident_memory_bytes",
        "gauge",
        "Memory of an instance.",
        [("", labels, use.resident) for labels, use in of_instance],
    )
    yield Family(
        "ironworks_instance_cpu_seconds_total",
        "counter",
        "User and system time of an instance.",
        [("", labels, use.cpu_seconds) for labels, use in of_instance],
    )


def _resources(platform: Platform) -> Iterator[Family]:
    with platform.database.read() as session:
        rows = session.execute(
            select(Resource.kind, Resource.region, Resource.status, func.count())
            .where(Resource.kind.in_(_KINDS))
            .group_by(Resource.kind, Resource.region, Resource.status)
            .order_by(Resource.kind, Resource.region, Resource.status)
        ).all()
    yield Family(
        "ironworks_resources",
        "gauge",
        "Training jobs, compilation jobs and endpoints by status.",
        [
            ("", {"kind": kind, "region": region, "status": status}, count)
            for kind, region, status, count in rows
        ],
    )


def _server() -> Iterator[Family]:
    """The server itself, under the names that Prometheus' own libraries give a process."""
    process = psutil.Process()
    with process.oneshot():
        times, created = process.cpu_times(), process.create_time()
        resident, files = process.memory_info().rss, process.num_fds()
    about = {"version": __version__, "python": machine.python_version()}
    for name, kind, description, labels, value in (
        ("ironworks_build_info", "gauge", "The version of the server.", about, 1),
        ("process_cpu_seconds_total", "counter", "User and system time.", {}, times.user + times.system),
        ("process_resident_memory_bytes", "gauge", "Memory.", {}, resident),
        ("process_start_time_seconds", "gauge", "When it began, in seconds since 1970.", {}, created),
        ("process_open_fds", "gauge", "Open files and connections.", {}, files),
    ):
        yield Family(name, kind, description, [("", labels, value)])


def _labels(arn: str, variant: str) -> dict[str, str]:
    # arn:aws:sagemaker:REGION:ACCOUNT:endpoint/NAME
    return {"region": arn.split(":")[3], "endpoint": arn.rpartition("/")[2], "variant": variant}
