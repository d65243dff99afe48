"""CloudWatch Logs as boto3 and the SageMaker SDK read it."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.server.wire import REGION, Wire

GROUP = "/aws/sagemaker/TrainingJobs"
STREAM = "job/algo-1-1"


@pytest.fixture(scope="module")
def logs(wire: Wire) -> Any:
    wire.platform.logs.append(REGION, GROUP, STREAM, [(100 + n // 2, f"line {n}") for n in range(6)])
    wire.platform.logs.append(REGION, GROUP, "job/algo-2-1", [(101, "ERROR on two")])
    wire.platform.logs.append(REGION, GROUP, "other/algo-1-1", [(500, "other")])
    return wire.client("logs")


def messages(answer: dict[str, Any]) -> list[str]:
    return [event["message"] for event in answer["events"]]


def test_streams_of_a_job(logs: Any) -> None:
    answer = logs.describe_log_streams(
        logGroupName=GROUP, logStreamNamePrefix="job/", orderBy="LogStreamName", limit=1
    )
    assert [stream["logStreamName"] for stream in answer["logStreams"]] == [STREAM]
    rest = logs.describe_log_streams(
        logGroupName=GROUP, logStreamNamePrefix="job/", limit=1, nextToken=answer["nextToken"]
    )
    assert [stream["logStreamName"] for stream in rest["logStreams"]] == ["job/algo-2-1"]
    assert "nextToken" not in rest
    newest = logs.describe_log_streams(logGroupName=GROUP, orderBy="LastEventTime", descending=True)
    assert newest["logStreams"][0]["logStreamName"] == "other/algo-1-1"


def test_reading_forward_to_the_end_and_then_nothing(logs: Any) -> None:
    arguments = {"logGroupName": GROUP, "logStreamName": STREAM, "startFromHead": True, "limit": 4}
    first = logs.get_log_events(**arguments)
    second = logs.get_log_events(**arguments, nextToken=first["nextForwardToken"])
    end = logs.get_log_events(**arguments, nextToken=second["nextForwardToken"])
    assert messages(first) + messages(second) == [f"line {n}" for n in range(6)]
    assert messages(end) == [] and end["nextForwardToken"] == second["nextForwardToken"]


def test_reading_backward(logs: Any) -> None:
    arguments = {"logGroupName": GROUP, "logStreamName": STREAM, "limit": 4}
    last = logs.get_log_events(**arguments)
    before = logs.get_log_events(**arguments, nextToken=last["nextBackwardToken"])
    assert messages(before) + messages(last) == [f"line {n}" for n in range(6)]


def test_resuming_by_time_as_the_sdk_does(logs: Any) -> None:
    answer = logs.get_log_events(logGroupName=GROUP, logStreamName=STREAM, startTime=101, startFromHead=True)
    assert messages(answer) == ["line 2", "line 3", "line 4", "line 5"]


def test_filter_merges_streams_by_time(logs: Any) -> None:
    answer = logs.filter_log_events(
        logGroupName=GROUP, logStreamNamePrefix="job/", startTime=101, endTime=102
    )
    assert messages(answer) == ["line 2", "line 3", "ERROR on two"]
    assert answer["events"][-1]["logStreamName"] == "job/algo-2-1"
    assert messages(logs.filter_log_events(logGroupName=GROUP, filterPattern="ERROR")) == ["ERROR on two"]
    named = logs.filter_log_events(logGroupName=GROUP, logStreamNames=["other/algo-1-1"])
    assert messages(named) == ["other"]


def test_filter_pages(logs: Any) -> None:
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=GROUP, logStreamNamePrefix="job/", PaginationConfig={"PageSize": 3}
    )
    assert len([event for page in pages for event in page["events"]]) == 7


def test_groups(logs: Any) -> None:
    answer = logs.describe_log_groups(logGroupNamePrefix="/aws/sagemaker")
    assert [group["logGroupName"] for group in answer["logGroups"]] == [GROUP]
    assert logs.describe_log_groups(logGroupNamePrefix="/none")["logGroups"] == []


@pytest.mark.parametrize(
    ("operation", "arguments", "code"),
    [
        ("describe_log_streams", {"logGroupName": "/none"}, "ResourceNotFoundException"),
        ("get_log_events", {"logGroupName": GROUP, "logStreamName": "none"}, "ResourceNotFoundException"),
        (
            "get_log_events",
            {"logGroupName": GROUP, "logStreamName": STREAM, "nextToken": "x"},
            "InvalidParameterException",
        ),
        (
            "filter_log_events",
            {"logGroupName": GROUP, "filterPattern": "{ $.a = 1 }"},
            "InvalidParameterException",
        ),
        ("describe_log_streams", {"logGroupName": GROUP, "nextToken": "-1"}, "InvalidParameterException"),
        ("describe_log_streams", {}, "InvalidParameterException"),
    ],
)
def test_errors(logs: Any, operation: str, arguments: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as raised:
        getattr(logs, operation)(**arguments)
    assert raised.value.response["Error"]["Code"] == code


def test_filter_pages_over_lines_that_are_long(wire: Wire, logs: Any) -> None:
    wire.platform.logs.append(REGION, "/long", "s", [(n, "x" * 200_000) for n in range(9)])
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName="/long")
    assert [len(page["events"]) for page in pages] == [6, 3]
