"""The path of a request: signature, service, operation, error."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ironworks import __version__
from tests.server.wire import REGION, Wire


def code(raised: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response = raised.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_health_needs_no_signature(wire: Wire) -> None:
    with urllib.request.urlopen(f"{wire.url}/_ironworks/health") as answer:
        assert json.load(answer) == {"status": "ok", "version": __version__}


def test_telemetry_of_the_sdk_is_answered_and_kept_nowhere(wire: Wire) -> None:
    request = urllib.request.Request(
        f"{wire.url}/telemetry?x=1", headers={"Host": "sm-pysdk-t-us-west-2.s3.x"}
    )
    with urllib.request.urlopen(request) as answer:
        assert (answer.status, answer.read()) == (200, b"")


def test_request_without_signature_says_what_to_do(wire: Wire) -> None:
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(f"{wire.url}/bucket/key")
    assert raised.value.code == 403
    assert b"ironworks env" in raised.value.read()


@pytest.mark.parametrize("service", ["sagemaker", "sts", "logs", "s3"])
def test_wrong_secret_is_refused(wire: Wire, service: str) -> None:
    client = wire.client(service, aws_secret_access_key="wrong")
    operation = {
        "sagemaker": "list_models",
        "sts": "get_caller_identity",
        "logs": "describe_log_groups",
        "s3": "list_buckets",
    }[service]
    with pytest.raises(ClientError) as raised:
        getattr(client, operation)()
    assert code(raised)[0] in ("InvalidSignatureException", "SignatureDoesNotMatch")


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("sagemaker", "list_hyper_parameter_tuning_jobs"),
        ("logs", "describe_queries"),
        ("sts", "get_session_token"),
        ("iam", "list_users"),
        ("ecr", "describe_repositories"),
        ("sagemaker", "create_domain"),  # lacks what AWS requires, which is not the point
        ("iam", "create_user"),
    ],
)
def test_operation_that_is_not_performed_is_named_at_once(wire: Wire, service: str, operation: str) -> None:
    with pytest.raises(ClientError) as raised:
        getattr(wire.client(service), operation)()
    assert code(raised) == ("UnknownOperationException", 400)
    assert "is not implemented by this server" in str(raised.value)


def test_every_answer_carries_a_request_id(wire: Wire) -> None:
    for service, operation in (("sagemaker", "list_models"), ("sts", "get_caller_identity")):
        answer = getattr(wire.client(service), operation)()
        assert len(answer["ResponseMetadata"]["RequestId"]) == 36


def signed_post(
    wire: Wire, headers: dict[str, str], body: bytes, service: str = "sagemaker"
) -> tuple[int, bytes]:
    request = AWSRequest("POST", f"{wire.url}/", headers=headers, data=body)
    credentials = Credentials(wire.keys.access_key_id, wire.keys.secret_access_key)
    SigV4Auth(credentials, service, REGION).add_auth(request)
    connection = http.client.HTTPConnection(wire.url.removeprefix("http://"))
    connection.request("POST", "/", body, dict(request.headers.items()))
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
OPERATIONS = [
    "CreateTrainingJob", "DescribeTrainingJob", "ListTrainingJobs", "StopTrainingJob", "CreateCompilationJob",
    "ListCompilationJobs", "CreateModel", "ListModels", "CreateEndpointConfig", "CreateEndpoint",
    "DescribeEndpoint", "DeleteEndpoint", "AddTags", "ListTags", "DeleteTags", "Invented",
]  # fmt: skip
MEMBERS = [
    "TrainingJobName", "CompilationJobName", "ModelName", "EndpointName", "EndpointConfigName", "NextToken",
    "MaxResults", "NameContains", "SortBy", "SortOrder", "StatusEquals", "CreationTimeAfter", "ResourceArn",
    "TagKeys", "Tags", "AlgorithmSpecification", "InputConfig", "ProductionVariants", "PrimaryContainer",
]  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    operation=st.sampled_from(OPERATIONS), members=st.dictionaries(st.sampled_from(MEMBERS), JSON, max_size=5)
)
def test_no_json_makes_the_server_fail(wire: Wire, operation: str, members: dict[str, Any]) -> None:
    headers = {"X-Amz-Target": f"SageMaker.{operation}"}
    status, _ = signed_post(wire, headers, json.dumps(members).encode())
    assert status in (200, 400)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200), service=st.sampled_from(["sagemaker", "logs", "sts", "iam"]))
def test_no_bytes_make_the_server_fail(wire: Wire, body: bytes, service: str) -> None:
    target = "Logs_20140328.GetLogEvents" if service == "logs" else "SageMaker.CreateModel"
    status, _ = signed_post(wire, {"X-Amz-Target": target}, body, service)
    assert status in (200, 400, 403)


def test_body_that_is_too_large_is_refused(wire: Wire) -> None:
    status, content = signed_post(wire, {"X-Amz-Target": "SageMaker.ListModels"}, bytes(9 * 1024 * 1024))
    assert (status, json.loads(content)["__type"]) == (413, "RequestEntityTooLarge")


@pytest.fixture
def raw(wire: Wire) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(wire.url.removeprefix("http://"))
    yield connection
    connection.close()


def test_connection_is_kept_after_an_error(raw: http.client.HTTPConnection) -> None:
    for _ in range(3):
        raw.request("GET", "/bucket")
        answer = raw.getresponse()
        answer.read()
        assert answer.status == 403
