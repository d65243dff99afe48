"""The query protocol: what botocore writes is read, and what is answered botocore reads."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from ironworks.server.errors import ServiceError, UnknownOperation, ValidationError
from ironworks.server.http import Response
from ironworks.server.protocols import query
from ironworks.server.protocols.model import service_model

IAM = service_model("iam")
STS = service_model("sts")


def read_back(answer: Response, operation: Any) -> dict[str, Any]:
    raw = {"status_code": answer.status, "headers": answer.headers, "body": answer.body}
    parsed: dict[str, Any] = create_parser("query").parse(raw, operation.output_shape)
    return parsed


def test_form_as_botocore_writes_it() -> None:
    operation = IAM.operation_model("SimulatePrincipalPolicy")
    params = {
        "PolicySourceArn": "arn:aws:iam::123456789012:role/r",
        "ActionNames": ["s3:GetObject", "s3:PutObject"],
        "ContextEntries": [
            {"ContextKeyName": "a:key", "ContextKeyValues": ["1"], "ContextKeyType": "string"}
        ],
        "MaxItems": 5,
    }
    written = create_serializer("query").serialize_to_request(params, operation)
    form = query.parse_form(urlencode(written["body"]).encode(), "")
    assert query.operation(form, IAM).name == "SimulatePrincipalPolicy"
    assert query.parse(form, operation) == params


def test_answer_as_botocore_reads_it() -> None:
    operation = IAM.operation_model("ListRoles")
    role = {"Path": "/", "RoleName": "r<&>", "RoleId": "AROAAAAAAAAAAAAAA", "Arn": "arn:aws:iam::1:role/r"}
    moment = datetime(2026, 1, 31, tzinfo=timezone.utc)
    output = {"Roles": [{**role, "CreateDate": moment}], "IsTruncated": False}
    parsed = read_back(query.serialize(output, operation, "id-1"), operation)
    assert parsed["Roles"] == [{**role, "CreateDate": moment}]
    assert parsed["IsTruncated"] is False
    assert parsed["ResponseMetadata"]["RequestId"] == "id-1"


def test_error_as_botocore_reads_it() -> None:
    answer = query.failure(ServiceError("NoSuchEntity", "no <role> \x00", 404), "id-1")
    parsed = read_back(answer, IAM.operation_model("GetRole"))
    assert parsed["Error"]["Code"] == "NoSuchEntity"
    assert parsed["Error"]["Message"].startswith("no <role>")


def test_unknown_action_is_named() -> None:
    with pytest.raises(UnknownOperation, match="Invent"):
        query.operation({"Action": "Invent"}, STS)


def test_missing_member_and_number_that_is_none() -> None:
    operation = STS.operation_model("AssumeRole")
    with pytest.raises(ValidationError, match="roleSessionName"):
        query.parse({"RoleArn": "arn:aws:iam::123456789012:role/r"}, operation)
    with pytest.raises(ServiceError, match="must be a number"):
        query.parse({"DurationSeconds": "long"}, operation)


def test_body_that_is_no_form() -> None:
    with pytest.raises(ServiceError) as raised:
        query.parse_form(b"\xff\xfe", "")
    assert raised.value.code == "MalformedInput"


def test_moments_and_maps_as_botocore_writes_and_reads_them() -> None:
    cloudwatch = service_model("cloudwatch")
    operation = cloudwatch.operation_model("GetMetricStatistics")
    moment = datetime(2026, 1, 31, 12, 30, tzinfo=timezone.utc)
    params = {"Namespace": "n", "MetricName": "m", "StartTime": moment, "EndTime": moment, "Period": 60}
    written = create_serializer("query").serialize_to_request(params, operation)
    assert query.parse(query.parse_form(urlencode(written["body"]).encode(), ""), operation) == params
    output = {"Datapoints": [{"Timestamp": moment, "ExtendedStatistics": {"p50": 0.5, "p99": 1.0}}]}
    parsed = read_back(query.serialize(output, operation, "id-1"), operation)
    assert parsed["Datapoints"] == output["Datapoints"]


@pytest.mark.parametrize("text", ["", "noon", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+01:00"])
def test_moment_that_is_none(text: str) -> None:
    operation = service_model("cloudwatch").operation_model("GetMetricStatistics")
    with pytest.raises(ServiceError, match="StartTime must be a moment"):
        query.parse({"StartTime": text}, operation)
