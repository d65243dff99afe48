"""CloudWatch: reading the metrics of endpoints and of training jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ironworks.control import endpoints, training_metrics
from ironworks.server.backend import Backend
from ironworks.server.call import Caller
from ironworks.server.errors import ServiceError
from ironworks.server.metrics.endpoint_metrics import METRICS
from ironworks.server.metrics.registry import rounded_down
from ironworks.server.metrics.statistics import Samples, StatisticSet, UnknownStatistic, check_statistic
from ironworks.server.services.operations import Params

TRAINING = "/aws/sagemaker/TrainingJobs"
_ENDPOINT_DIMENSIONS = {"EndpointName", "VariantName"}
_TRAINING_DIMENSIONS = {"TrainingJobName"}
_SHORT_PERIODS = (1, 5, 10, 20, 30)
MOST_DATAPOINTS = 1440
"""Of GetMetricStatistics."""
LARGEST_PAGE = 100_800
"""Datapoints of GetMetricData."""
PAGE_OF_METRICS = 500


@dataclass(frozen=True)
class _Metric:
    """What a request names."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]

    @classmethod
    def from_params(cls, params: Params) -> _Metric:
        dimensions = {one["Name"]: one["Value"] for one in params.get("Dimensions", ())}
        return cls(params.get("Namespace", ""), params.get("MetricName", ""), dimensions)

    @property
    def unit(self) -> str:
        """The unit of all its values."""
        known = METRICS.get(self.name)
        return known.unit if known is not None and known.namespace == self.namespace else "None"


@dataclass(frozen=True)
class _Window:
    """Periods of so many seconds, from `start` on (seconds since 1970)."""

    start: float
    end: float
    period: int

    @classmethod
    def from_params(cls, start: datetime, end: datetime, period: int) -> _Window:
        if start >= end:
            raise _invalid("The parameter StartTime must be less than the parameter EndTime.")
        if period % 60 and period not in _SHORT_PERIODS:
            raise _invalid("The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.")
        return cls(rounded_down(start.timestamp(), period), end.timestamp(), period)

    @property
    def periods(self) -> int:
        return -int((self.start - self.end) // self.period)


def get_metric_statistics(backend: Backend, caller: Caller, params: Params) -> Params:
    """Several statistics of one metric, a datapoint for each period with values."""
    plain, extended = params.get("Statistics", []), params.get("ExtendedStatistics", [])
    if not plain and not extended:
        raise ServiceError("MissingParameter", "Give Statistics or ExtendedStatistics, or both.")
    for name in extended:
        _check(name)
    metric = _Metric.from_params(params)
    window = _Window.from_params(params["StartTime"], params["EndTime"], params["Period"])
    if window.periods > MOST_DATAPOINTS:
        raise ServiceError(
            "InvalidParameterCombination",
            f"You have requested up to {window.periods} datapoints, which exceeds the limit of {MOST_DATAPOINTS}. "
            "You may reduce the datapoints requested by increasing Period, or decreasing the time range.",
        )
    points = [
        {
            "Timestamp": _moment(start),
            "Unit": metric.unit,
            **{name: _statistic(values, name) for name in plain},
            **({"ExtendedStatistics": {n: _statistic(values, n) for n in extended}} if extended else {}),
        }
        for start, values in _sets(backend, caller, metric, window, params.get("Unit"))
    ]
    return {"Label": metric.name, "Datapoints": points}


def get_metric_data(backend: Backend, caller: Caller, params: Params) -> Params:
    """One statistic of each of several metrics. A page has so many datapoints of all of them together."""
    queries = params["MetricDataQueries"]
    ids = [query["Id"] for query in queries]
    if len(set(ids)) < len(ids):
        raise _invalid("The Id of each query must be another one.")
    left = min(params.get("MaxDatapoints", LARGEST_PAGE), LARGEST_PAGE)
    if left < 1:
        raise _invalid("MaxDatapoints must be at least 1.")
    before = seen = _offset(params.get("NextToken"))
    newest_first = params.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    results, cut = [], False
    for query in queries:
        points = _data(backend, caller, query, params["StartTime"], params["EndTime"])
        if not query.get("ReturnData", True):
            continue
        if newest_first:
            points.reverse()
        rest = points[before:]
        page = rest[:left]
        before, left, seen = max(before - len(points), 0), left - len(page), seen + len(page)
        partial = len(page) < len(rest)
        cut |= partial
        results.append(
            {
                "Id": query["Id"],
                "Label": query.get("Label", query["MetricStat"]["Metric"].get("MetricName", "")),
                "Timestamps": [_moment(moment) for moment, _ in page],
                "Values": [value for _, value in page],
                "StatusCode": "PartialData" if partial else "Complete",
            }
        )
    return {"MetricDataResults": results, "NextToken": str(seen) if cut else None}


def list_metrics(backend: Backend, caller: Caller, params: Params) -> Params:
    """The metrics that have values, by namespace, dimensions and name."""
    wanted = {one["Name"]: one.get("Value") for one in params.get("Dimensions", ())}
    found = [
        metric
        for metric in _known(backend, caller, params.get("Namespace"), wanted.get("TrainingJobName"))
        if params.get("Namespace") in (None, metric.namespace)
        and params.get("MetricName") in (None, metric.name)
        and all(
            name in metric.dimensions and value in (None, metric.dimensions[name])
            for name, value in wanted.items()
        )
    ]
    start = _offset(params.get("NextToken"))
    end = start + PAGE_OF_METRICS
    return {
        "Metrics": [_described(metric) for metric in found[start:end]],
        "NextToken": str(end) if end < len(found) else None,
    }


def _sets(
    backend: Backend, caller: Caller, metric: _Metric, window: _Window, unit: str | None = None
) -> Sequence[tuple[float, StatisticSet]]:
    """The values of each period that has some; of a metric that nobody knows there are none, as with AWS."""
    names = set(metric.dimensions)
    if unit not in (None, metric.unit):
        return []
    if metric.namespace == TRAINING and names == _TRAINING_DIMENSIONS:
        return _training_sets(backend, caller, metric, window)
    known = METRICS.get(metric.name)
    if known is None or known.namespace != metric.namespace or names != _ENDPOINT_DIMENSIONS:
        return []
    arn = backend.platform.arn(caller.region, endpoints.KIND, metric.dimensions["EndpointName"])
    return backend.metrics.sets(
        arn, metric.dimensions["VariantName"], metric.name, window.start, window.end, window.period
    )


def _training_sets(
    backend: Backend, caller: Caller, metric: _Metric, window: _Window
) -> Sequence[tuple[float, StatisticSet]]:
    job = metric.dimensions["TrainingJobName"]
    values = training_metrics.read(
        backend.platform.database, caller.region, job, metric.name, window.start, window.end
    )
    found: dict[float, Samples] = {}
    for moment, value in values:
        start = window.start + (moment - window.start) // window.period * window.period
        found.setdefault(start, Samples()).add(value)
    return list(found.items())


def _data(
    backend: Backend, caller: Caller, query: Params, start: datetime, end: datetime
) -> list[tuple[float, float]]:
    """The datapoints of one query of GetMetricData, in order."""
    if "MetricStat" not in query:
        raise ServiceError(
            "ValidationError",
            f"The query {query['Id']} has no MetricStat. Expressions ({query.get('Expression', '')!r}) are not "
            "computed by this server: ask for the metrics themselves, and compute with their values.",
        )
    stat = query["MetricStat"]
    metric = _Metric.from_params(stat["Metric"])
    window = _Window.from_params(start, end, stat["Period"])
    _check(stat["Stat"])
    sets = _sets(backend, caller, metric, window, stat.get("Unit"))
    return [(moment, _statistic(values, stat["Stat"])) for moment, values in sets]


def _known(backend: Backend, caller: Caller, namespace: str | None, job: str | None) -> Iterable[_Metric]:
    for arn, variant in backend.metrics.variants():
        region, endpoint = arn.split(":")[3], arn.rpartition("/")[2]
        if region == caller.region:
            for name, metric in METRICS.items():
                yield _Metric(metric.namespace, name, {"EndpointName": endpoint, "VariantName": variant})
    if namespace in (None, TRAINING):
        for job_name, name in training_metrics.names(backend.platform.database, caller.region, job):
            yield _Metric(TRAINING, name, {"TrainingJobName": job_name})


def _described(metric: _Metric) -> dict[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in metric.dimensions.items()]
    return {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions}


def _statistic(values: StatisticSet, name: str) -> float:
    try:
        return values.statistic(name)
    except UnknownStatistic as error:
        raise _invalid(str(error)) from None


def _check(statistic: str) -> None:
    try:
        check_statistic(statistic)
    except UnknownStatistic as error:
        raise _invalid(str(error)) from None


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isascii() or not token.isdecimal() or len(token) > 9:
        raise ServiceError("InvalidNextToken", "The NextToken is not one that was given out.")
    return int(token)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)


def _invalid(message: str) -> ServiceError:
    return ServiceError("InvalidParameterValue", message)
