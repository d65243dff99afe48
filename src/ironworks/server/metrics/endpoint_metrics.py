"""The metrics of endpoints under the names, namespaces and units that CloudWatch has for SageMaker's.

Source: "Amazon SageMaker AI metrics in Amazon CloudWatch", in the developer guide (monitoring-cloudwatch.html).
Those of the namespace `Ironworks` are our own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ironworks.server.metrics.intervals import Interval
from ironworks.server.metrics.statistics import StatisticSet

INVOCATIONS = "AWS/SageMaker"
INSTANCES = "/aws/sagemaker/Endpoints"
OURS = "Ironworks"


@dataclass(frozen=True)
class EndpointMetric:
    """One metric of a variant.

    Attributes:
        values: its values in an interval.
    """

    namespace: str
    unit: str
    values: Callable[[Interval], StatisticSet]


def _ones(first: int, last: int) -> Callable[[Interval], StatisticSet]:
    """1 for an invocation with a status from `first` to `last`, and 0 for any other."""

    def values(interval: Interval) -> StatisticSet:
        invocations = interval.invocations
        hits = invocations.count(first, last)
        return StatisticSet.repeated(1.0, hits, invocations.total.count - hits)

    return values


def _time(namespace: str, stage: str) -> EndpointMetric:
    def values(interval: Interval) -> StatisticSet:
        found: StatisticSet = getattr(interval.invocations, stage)
        return found

    return EndpointMetric(namespace, "Microseconds", values)


def _per_instance(interval: Interval) -> StatisticSet:
    count = interval.invocations.total.count if interval.instances else 0
    return StatisticSet.repeated(1 / max(interval.instances, 1), count)


METRICS = {
    "Invocations": EndpointMetric(INVOCATIONS, "None", _ones(0, 999)),
    "InvocationsPerInstance": EndpointMetric(INVOCATIONS, "None", _per_instance),
    "Invocation4XXErrors": EndpointMetric(INVOCATIONS, "None", _ones(400, 499)),
    "Invocation5XXErrors": EndpointMetric(INVOCATIONS, "None", _ones(500, 599)),
    "InvocationModelErrors": EndpointMetric(INVOCATIONS, "None", _ones(400, 599)),
    "ModelLatency": _time(INVOCATIONS, "instance"),
    "OverheadLatency": _time(INVOCATIONS, "overhead"),
    "TotalLatency": _time(OURS, "total"),
    "QueueTime": _time(OURS, "queue"),
    "HookTime": _time(OURS, "hooks"),
    "ModelTime": _time(OURS, "model"),
    "CPUUtilization": EndpointMetric(INSTANCES, "Percent", lambda one: one.cpu),
    "MemoryUtilization": EndpointMetric(INSTANCES, "Percent", lambda one: one.memory),
}
"""By name."""
