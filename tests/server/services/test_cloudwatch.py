"""CloudWatch as boto3 reads it, in every protocol that clients of it speak."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import botocore.model
import pytest
from botocore.exceptions import ClientError

from ironworks.control import training_metrics
from ironworks.server.errors import ServiceError
from ironworks.server.http import Body, Request
from ironworks.server.protocols import cbor
from ironworks.server.services import cloudwatch as cloudwatch_module
from ironworks.server.services.monitoring_service import MonitoringService
from ironworks.server.services.operations import Operations
from tests.control.conftest import training_request
from tests.server.wire import REGION, Wire

NOW = datetime.now(timezone.utc)
ENDPOINT = [{"Name": "EndpointName", "Value": "digits"}, {"Name": "VariantName", "Value": "blue"}]
JOB = [{"Name": "TrainingJobName", "Value": "job-m"}]
BEGAN = datetime(2026, 1, 31, 12, 0, 30, tzinfo=timezone.utc)
LOSSES = [(BEGAN + timedelta(seconds=20 * n), 1 / (n + 1)) for n in range(6)]
"""Two in the first minute, three in the second, one in the third."""
TODAY = {"StartTime": NOW - timedelta(hours=1), "EndTime": NOW + timedelta(hours=1)}
THEN = {"StartTime": BEGAN, "EndTime": BEGAN + timedelta(hours=1)}
LATENCY = {"Namespace": "AWS/SageMaker", "MetricName": "ModelLatency", "Dimensions": ENDPOINT}
LOSS = {"Namespace": "/aws/sagemaker/TrainingJobs", "MetricName": "train:loss", "Dimensions": JOB}


@pytest.fixture(scope="module")
def measured(wire: Wire) -> Wire:
    """An endpoint that was invoked ten times, and a job that printed six losses."""
    arn = wire.platform.arn(REGION, "endpoint", "digits")
    for n in range(10):
        wire.metrics.record(
            arn, "blue", 200 if n else 415, total_us=1000, instance_us=100 * (n + 1), times=(1, 2, 3)
        )
    wire.metrics.sample(arn, "blue", cpu=50.0, memory=1.5)
    wire.client("sagemaker").create_training_job(**training_request("job-m"))
    job = wire.platform.resources.get("training-job", REGION, "job-m")
    with wire.platform.database.write() as session:
        values = [("train:loss", loss, moment.timestamp()) for moment, loss in LOSSES]
        training_metrics.add(session, job.id, [*values, ("accuracy", 0.5, BEGAN.timestamp())])
    return wire


@pytest.fixture(params=["json", "query", "smithy-rpc-v2-cbor"])
def cloudwatch(measured: Wire, request: pytest.FixtureRequest) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.model, "PRIORITY_ORDERED_SUPPORTED_PROTOCOLS", (request.param,))
        client = measured.client("cloudwatch")
        assert client.meta.service_model.resolved_protocol == request.param
        yield client


def test_statistics_of_an_endpoint(cloudwatch: Any) -> None:
    answer = cloudwatch.get_metric_statistics(
        **LATENCY, **TODAY, Period=7200, ExtendedStatistics=["p50", "p99.9"],
        Statistics=["Average", "Sum", "Minimum", "Maximum", "SampleCount"],
    )  # fmt: skip
    assert answer["Label"] == "ModelLatency"
    (point,) = answer["Datapoints"]
    assert point["Unit"] == "Microseconds"
    values = [point[name] for name in ("Average", "Sum", "Minimum", "Maximum", "SampleCount")]
    assert values == [550, 5500, 100, 1000, 10]
    assert point["ExtendedStatistics"]["p50"] == pytest.approx(500, rel=1 / 8)
    assert point["ExtendedStatistics"]["p99.9"] == pytest.approx(1000, rel=1 / 8)
    assert NOW - timedelta(hours=1, minutes=1) <= point["Timestamp"] <= NOW - timedelta(hours=1)


@pytest.mark.parametrize(
    ("namespace", "metric", "total", "unit"),
    [
        ("AWS/SageMaker", "Invocations", 10, "None"),
        ("AWS/SageMaker", "Invocation4XXErrors", 1, "None"),
        ("AWS/SageMaker", "Invocation5XXErrors", 0, "None"),
        ("AWS/SageMaker", "InvocationModelErrors", 1, "None"),
        ("AWS/SageMaker", "OverheadLatency", 4500, "Microseconds"),
        ("Ironworks", "TotalLatency", 10_000, "Microseconds"),
        ("Ironworks", "QueueTime", 10, "Microseconds"),
        ("Ironworks", "HookTime", 20, "Microseconds"),
        ("Ironworks", "ModelTime", 30, "Microseconds"),
        ("/aws/sagemaker/Endpoints", "CPUUtilization", 50, "Percent"),
        ("/aws/sagemaker/Endpoints", "MemoryUtilization", 1.5, "Percent"),
    ],
)
def test_every_metric_of_an_endpoint(
    cloudwatch: Any, namespace: str, metric: str, total: float, unit: str
) -> None:
    answer = cloudwatch.get_metric_statistics(
        Namespace=namespace, MetricName=metric, Dimensions=ENDPOINT, **TODAY, Period=7200, Statistics=["Sum"]
    )
    (point,) = answer["Datapoints"]
    assert (point["Sum"], point["Unit"]) == (total, unit)


def test_a_training_metric_by_the_minute_as_the_sdk_asks_for_it(cloudwatch: Any) -> None:
    answer = cloudwatch.get_metric_statistics(**LOSS, **THEN, Period=60, Statistics=["Average"])
    points = [(point["Timestamp"], point["Average"]) for point in answer["Datapoints"]]
    minute = BEGAN.replace(second=0)
    averages = [(1 + 1 / 2) / 2, (1 / 3 + 1 / 4 + 1 / 5) / 3, 1 / 6]
    assert points == [
        (minute + timedelta(minutes=n), pytest.approx(average)) for n, average in enumerate(averages)
    ]


def test_a_training_metric_by_the_second(cloudwatch: Any) -> None:
    answer = cloudwatch.get_metric_statistics(
        **LOSS,
        StartTime=BEGAN,
        EndTime=LOSSES[-1][0],
        Period=1,
        Statistics=["Average"],
        ExtendedStatistics=["p50"],
    )
    points = [(point["Timestamp"], point["Average"]) for point in answer["Datapoints"]]
    assert points == LOSSES[:-1]  # the end is not included
    assert [point["ExtendedStatistics"]["p50"] for point in answer["Datapoints"]] == [
        loss for _, loss in LOSSES[:-1]
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"MetricName": "Other"},
        {"Namespace": "AWS/Other"},
        {"Dimensions": ENDPOINT[:1]},
        {"Dimensions": [*ENDPOINT, {"Name": "InstanceId", "Value": "i-1"}]},
        {"Dimensions": [{"Name": "EndpointName", "Value": "letters"}, ENDPOINT[1]]},
        {"Unit": "Seconds"},
        {"EndTime": NOW - timedelta(minutes=30)},
    ],
)
def test_what_has_no_values_answers_none(cloudwatch: Any, changes: dict[str, Any]) -> None:
    request = {**LATENCY, **TODAY, "Period": 60, "Statistics": ["Sum"], **changes}
    assert cloudwatch.get_metric_statistics(**request)["Datapoints"] == []


def query(identifier: str, metric: dict[str, Any], stat: str = "Sum", **more: Any) -> dict[str, Any]:
    return {"Id": identifier, "MetricStat": {"Metric": metric, "Period": 60, "Stat": stat}, **more}


def test_data_of_several_metrics(cloudwatch: Any) -> None:
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=[
            query("loss", LOSS, "Maximum"),
            query("rest", {**LOSS, "MetricName": "accuracy"}, "p50", Label="Accuracy"),
            query("hidden", LOSS, ReturnData=False),
        ],
        **THEN,
    )
    loss, accuracy = answer["MetricDataResults"]
    assert (loss["Id"], loss["Label"], loss["StatusCode"]) == ("loss", "train:loss", "Complete")
    assert loss["Values"] == [1 / 6, 1 / 3, 1]
    assert loss["Timestamps"] == sorted(loss["Timestamps"], reverse=True)
    assert (accuracy["Label"], accuracy["Values"]) == ("Accuracy", [0.5])


@pytest.mark.parametrize(("size", "pages"), [(1, 4), (2, 2), (3, 2), (4, 1)])
def test_data_comes_in_pages(cloudwatch: Any, size: int, pages: int) -> None:
    request = {
        "MetricDataQueries": [query("a", {**LOSS, "MetricName": "accuracy"}), query("b", LOSS)],
        "MaxDatapoints": size,
        "ScanBy": "TimestampAscending",
        **THEN,
    }
    answers = [cloudwatch.get_metric_data(**request)]
    while "NextToken" in answers[-1]:
        assert "PartialData" in [result["StatusCode"] for result in answers[-1]["MetricDataResults"]]
        answers.append(cloudwatch.get_metric_data(**request, NextToken=answers[-1]["NextToken"]))
    assert {result["StatusCode"] for result in answers[-1]["MetricDataResults"]} == {"Complete"}
    assert len(answers) == pages
    values = [
        [value for answer in answers for value in answer["MetricDataResults"][n]["Values"]] for n in range(2)
    ]
    assert values == [[0.5], [1.5, 1 / 3 + 1 / 4 + 1 / 5, 1 / 6]]


def test_metrics_are_listed(cloudwatch: Any) -> None:
    found = cloudwatch.get_paginator("list_metrics").paginate().build_full_result()["Metrics"]
    listed = {(one["Namespace"], one["MetricName"]) for one in found}
    assert ("AWS/SageMaker", "ModelLatency") in listed
    assert ("/aws/sagemaker/Endpoints", "CPUUtilization") in listed
    assert ("/aws/sagemaker/TrainingJobs", "train:loss") in listed


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"Dimensions": JOB}, ["accuracy", "train:loss"]),
        ({"Namespace": "/aws/sagemaker/Endpoints"}, ["CPUUtilization", "MemoryUtilization"]),
        ({"MetricName": "accuracy"}, ["accuracy"]),
        ({"Namespace": "AWS/SageMaker", "Dimensions": JOB}, []),
        ({"Dimensions": [{"Name": "TrainingJobName", "Value": "job"}]}, []),
        ({"MetricName": "Invocations", "Dimensions": [{"Name": "VariantName"}]}, ["Invocations"]),
    ],
)
def test_lists_are_filtered(cloudwatch: Any, filters: dict[str, Any], names: list[str]) -> None:
    assert [metric["MetricName"] for metric in cloudwatch.list_metrics(**filters)["Metrics"]] == names


def test_a_long_list_comes_in_pages(measured: Wire, cloudwatch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ironworks.server.services.cloudwatch.PAGE_OF_METRICS", 4)
    pages = list(cloudwatch.get_paginator("list_metrics").paginate())
    assert [len(page["Metrics"]) for page in pages] == [4, 4, 4, 3]


def test_metrics_are_those_of_the_callers_region(measured: Wire) -> None:
    elsewhere = measured.client("cloudwatch", region="eu-west-1")
    assert elsewhere.list_metrics()["Metrics"] == []
    answer = elsewhere.get_metric_statistics(**LATENCY, **TODAY, Period=60, Statistics=["Sum"])
    assert answer["Datapoints"] == []


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"StartTime": NOW, "EndTime": NOW}, "InvalidParameterValue", "StartTime must be less"),
        ({"Period": 61}, "InvalidParameterValue", "Period must be"),
        ({"Period": 5, **TODAY}, "InvalidParameterCombination", "limit of 1440"),
        ({"Statistics": []}, "ValidationException", "greater than or equal to 1"),
        ({"Statistics": None}, "MissingParameter", "Statistics or ExtendedStatistics"),
        ({"Statistics": ["Median"]}, "ValidationException", "enum value set"),
        ({"ExtendedStatistics": ["tm99"]}, "InvalidParameterValue", "tm99"),
        ({"MetricName": None}, "ValidationException", "metricName"),
    ],
)
def test_wrong_requests_say_what_is_wrong(
    cloudwatch: Any, changes: dict[str, Any], code: str, message: str
) -> None:
    request = {**LATENCY, **TODAY, "Period": 60, "Statistics": ["Sum"], **changes}
    request = {name: value for name, value in request.items() if value is not None}
    if changes == {"Statistics": []} and cloudwatch.meta.service_model.resolved_protocol == "query":
        code, message = "MissingParameter", "Statistics"  # a form has no empty lists
    with pytest.raises(ClientError, match=message) as raised:
        cloudwatch.get_metric_statistics(**request)
    assert raised.value.response["Error"]["Code"] == code
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_percentiles_of_counts_are_refused(cloudwatch: Any) -> None:
    request = {**LATENCY, "MetricName": "Invocations", **TODAY, "Period": 60, "ExtendedStatistics": ["p50"]}
    with pytest.raises(ClientError, match="no percentiles") as raised:
        cloudwatch.get_metric_statistics(**request)
    assert isinstance(raised.value, cloudwatch.exceptions.InvalidParameterValueException)


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (
            {"MetricDataQueries": [{"Id": "e1", "Expression": "SUM(METRICS())"}]},
            "ValidationError",
            r"query e1.*SUM\(METRICS",
        ),
        ({"MetricDataQueries": [query("a", LOSS), query("a", LOSS)]}, "InvalidParameterValue", "another one"),
        ({"MetricDataQueries": [query("a", LOSS, "IQM")]}, "InvalidParameterValue", "IQM"),
        (
            {"MetricDataQueries": [query("a", LOSS)], "NextToken": "x"},
            "InvalidNextToken",
            "not one that was given out",
        ),
        (
            {"MetricDataQueries": [query("a", LOSS)], "MaxDatapoints": 0},
            "InvalidParameterValue",
            "at least 1",
        ),
    ],
)
def test_wrong_queries_say_what_is_wrong(
    cloudwatch: Any, request_: dict[str, Any], code: str, message: str
) -> None:
    with pytest.raises(ClientError, match=message) as raised:
        cloudwatch.get_metric_data(**THEN, **request_)
    assert raised.value.response["Error"]["Code"] == code


def test_operations_that_are_not_performed_say_so(cloudwatch: Any) -> None:
    with pytest.raises(ClientError, match="PutMetricData is not implemented") as raised:
        cloudwatch.put_metric_data(Namespace="n", MetricData=[])
    assert raised.value.response["Error"]["Code"] == "UnknownOperationException"


@pytest.mark.parametrize(
    "headers", [{"x-amz-target": "GraniteServiceVersion20100801.X"}, {"smithy-protocol": "rpc-v2-cbor"}]
)
def test_newer_protocols_name_the_shape_of_an_error_and_its_code(headers: dict[str, str]) -> None:
    async def body() -> Body:
        yield b""

    service = MonitoringService(Operations(None, "cloudwatch", [cloudwatch_module]))  # type: ignore[arg-type]
    for code, side, status in (
        ("InvalidParameterValue", "Sender", 400),
        ("InternalServiceError", "Receiver", 500),
    ):
        response = service.failure(
            Request("POST", "/", "", headers, body()), ServiceError(code, "why", status)
        )
        assert response.headers["x-amzn-query-error"] == f"{code};{side}"
        decode = cbor.decode if "smithy-protocol" in headers else json.loads
        assert isinstance(response.body, bytes)
        shape = {"InvalidParameterValue": "InvalidParameterValueException"}.get(code, "InternalServiceFault")
        assert decode(response.body)["__type"] == shape
