"""The JSON protocol: in, out, and what is wrong."""

from __future__ import annotations

import json as json_module
from datetime import datetime, timezone

import pytest

from ironworks.server.errors import ServiceError, UnknownOperation
from ironworks.server.http import Body, Request
from ironworks.server.protocols import json
from ironworks.server.protocols.model import service_model

MODEL = service_model("sagemaker")


async def nothing() -> Body:
    return
    yield b""


def request(target: str | None) -> Request:
    headers = {} if target is None else {"x-amz-target": target}
    return Request("POST", "/", "", headers, nothing())


def test_operation_of_the_target_header() -> None:
    assert json.operation(request("SageMaker.AddTags"), MODEL).name == "AddTags"


@pytest.mark.parametrize("target", [None, "", "SageMaker.Invented", "Logs_20140328.AddTags", "AddTags"])
def test_unknown_target(target: str | None) -> None:
    with pytest.raises(UnknownOperation, match="is not implemented by this server"):
        json.operation(request(target), MODEL)


def test_numbers_and_texts_become_moments() -> None:
    listing = MODEL.operation_model("ListTrainingJobs")
    moment = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
    for written in (str(moment.timestamp()), '"2026-01-31T12:00:00Z"'):
        body = f'{{"CreationTimeAfter": {written}}}'.encode()
        assert json.parse(body, listing) == {"CreationTimeAfter": moment}


@pytest.mark.parametrize(
    "body",
    [b"{", b"\xff", b"[]", b'{"CreationTimeAfter": "soon"}', b'{"CreationTimeAfter": 1e300}', b"[" * 100_000],
)
def test_unreadable_body(body: bytes) -> None:
    with pytest.raises(ServiceError) as raised:
        json.parse(body, MODEL.operation_model("ListTrainingJobs"))
    assert raised.value.code == "SerializationException"


def test_answer_has_the_members_of_the_model_and_no_others() -> None:
    output = {
        "TrainingJobName": "a",
        "CreationTime": datetime(1970, 1, 1, 0, 0, 2, tzinfo=timezone.utc),
        "FailureReason": None,
        "Plan": "internal",
        "SecondaryStatusTransitions": [{"Status": "Starting", "StartTime": 1.5, "Note": "internal"}],
    }
    answer = json.serialize(output, MODEL.operation_model("DescribeTrainingJob"), "id-1")
    assert isinstance(answer.body, bytes)
    assert json_module.loads(answer.body) == {
        "TrainingJobName": "a",
        "CreationTime": 2.0,
        "SecondaryStatusTransitions": [{"Status": "Starting", "StartTime": 1.5}],
    }
    assert answer.headers["x-amzn-RequestId"] == "id-1"


def test_operation_without_output_answers_an_empty_body() -> None:
    answer = json.serialize(None, MODEL.operation_model("DeleteModel"), "id-1")
    assert (answer.status, answer.body) == (200, b"")


def test_error_has_its_code_in_body_and_header() -> None:
    answer = json.failure(ServiceError("ResourceInUse", "taken", 400, {"Extra": 1}), "id-1")
    assert isinstance(answer.body, bytes)
    assert json_module.loads(answer.body) == {"__type": "ResourceInUse", "message": "taken", "Extra": 1}
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (400, "ResourceInUse")
