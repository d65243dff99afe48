"""What is refused, and the words for it that clients look for."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.acceptance.installation import Installation
from tests.acceptance.jobs import ROLE, submit


def _refused(call: Any, **arguments: Any) -> tuple[str, str, int]:
    """Code, message and HTTP status of the error that a call raises."""
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    answer = raised.value.response
    return answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_an_unknown_endpoint_cannot_be_invoked_or_described(installation: Installation) -> None:
    code, message, status = _refused(
        installation.client("sagemaker-runtime").invoke_endpoint, EndpointName="nowhere", Body=b""
    )
    assert (code, status) == ("ValidationError", 400)
    assert message.startswith("Endpoint nowhere of account ")
    code, message, _ = _refused(installation.client("sagemaker").describe_endpoint, EndpointName="nowhere")
    assert code == "ValidationException"
    assert "Could not find endpoint" in message


def test_an_endpoint_config_of_an_unknown_model_is_refused(installation: Installation) -> None:
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": "nobody",
        "InitialInstanceCount": 1,
        "InstanceType": "ml.c5.large",
    }
    code, message, _ = _refused(
        installation.client("sagemaker").create_endpoint_config,
        EndpointConfigName="of-nobody",
        ProductionVariants=[variant],
    )
    assert code == "ValidationException"
    assert "Could not find model" in message


def test_an_operation_that_is_not_built_is_refused_by_name(installation: Installation) -> None:
    code, message, status = _refused(
        installation.client("sagemaker").create_feature_group,
        FeatureGroupName="f",
        RecordIdentifierFeatureName="i",
        EventTimeFeatureName="t",
        FeatureDefinitions=[{"FeatureName": "i", "FeatureType": "String"}],
    )
    assert (code, status) == ("UnknownOperationException", 400)
    assert "CreateFeatureGroup" in message


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("sagemaker", "list_models", "InvalidSignatureException"),
        ("sts", "get_caller_identity", "SignatureDoesNotMatch"),
        ("s3", "list_buckets", "SignatureDoesNotMatch"),
    ],
)
def test_a_wrong_secret_is_refused(
    installation: Installation, service: str, operation: str, code: str
) -> None:
    client = installation.client(service, aws_secret_access_key="wrong")
    assert _refused(getattr(client, operation))[0] == code


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("sagemaker", "list_models", "UnrecognizedClientException"),
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("s3", "list_buckets", "InvalidAccessKeyId"),
    ],
)
def test_an_unknown_key_is_refused(
    installation: Installation, service: str, operation: str, code: str
) -> None:
    client = installation.client(service, aws_access_key_id="AKIAIOSFODNN7EXAMPLE")
    assert _refused(getattr(client, operation))[0] == code


def test_a_presigned_address_that_was_changed_is_refused(installation: Installation) -> None:
    address = installation.client("s3").generate_presigned_url(
        "get_object",
        Params={"Bucket": "sagemaker-sample-data-us-west-2", "Key": "mxnet/mnist/test/labels.gz"},
    )
    with urllib.request.urlopen(address) as answer:
        assert len(answer.read()) > 1000
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(address.replace("/test/", "/train/"))
    with raised.value as answer:
        assert answer.code == 403
        assert b"SignatureDoesNotMatch" in answer.read()


def test_sample_data_cannot_be_changed(installation: Installation) -> None:
    code, _, status = _refused(
        installation.client("s3").put_object, Bucket="sagemaker-sample-data-us-west-2", Key="mine", Body=b""
    )
    assert (code, status) == ("AccessDenied", 403)


def test_a_job_for_two_hosts_is_refused_and_not_run_as_one(installation: Installation) -> None:
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}
    with pytest.raises(ClientError, match="InstanceCount|instance") as raised:
        submit(installation, "two-hosts", "", ResourceConfig=resources)
    assert raised.value.response["Error"]["Code"] == "ValidationException"


def test_a_bad_member_is_named(installation: Installation) -> None:
    code, message, _ = _refused(
        installation.client("sagemaker").create_model,
        ModelName="not_a_name",
        ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": "x"},
    )
    assert code == "ValidationException"
    assert "modelName" in message
