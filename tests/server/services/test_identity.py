"""STS and IAM: the role that the SageMaker SDKs look for."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from ironworks.server.keys import ROLE_NAME
from tests.server.wire import Wire


def test_caller_is_a_session_of_the_role(wire: Wire) -> None:
    identity = wire.client("sts").get_caller_identity()
    assert identity["Account"] == wire.keys.account
    assert identity["Arn"] == f"arn:aws:sts::{wire.keys.account}:assumed-role/{ROLE_NAME}/ironworks"


def test_role_may_be_assumed_by_sagemaker(wire: Wire) -> None:
    role = wire.client("iam", region="us-east-1").get_role(RoleName=ROLE_NAME)["Role"]
    assert role["Arn"] == f"arn:aws:iam::{wire.keys.account}:role/service-role/{ROLE_NAME}"
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "sagemaker.amazonaws.com"}


def test_unknown_role(wire: Wire) -> None:
    with pytest.raises(ClientError) as raised:
        wire.client("iam").get_role(RoleName="nobody")
    assert raised.value.response["Error"]["Code"] == "NoSuchEntity"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_roles_by_path(wire: Wire) -> None:
    iam = wire.client("iam")
    assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == [ROLE_NAME]
    assert iam.list_roles(PathPrefix="/other/")["Roles"] == []


def test_every_action_is_allowed(wire: Wire) -> None:
    answer = wire.client("iam").simulate_principal_policy(
        PolicySourceArn=f"arn:aws:iam::{wire.keys.account}:role/r",
        ActionNames=["s3:GetObject", "logs:PutLogEvents"],
    )
    assert [result["EvalDecision"] for result in answer["EvaluationResults"]] == ["allowed", "allowed"]


def test_assumed_role_signs_with_its_own_credentials(wire: Wire) -> None:
    issued = wire.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{wire.keys.account}:role/Auditor", RoleSessionName="me"
    )["Credentials"]
    auditor = wire.client(
        "sts",
        aws_access_key_id=issued["AccessKeyId"],
        aws_secret_access_key=issued["SecretAccessKey"],
        aws_session_token=issued["SessionToken"],
    )
    assert auditor.get_caller_identity()["Arn"].endswith(":assumed-role/Auditor/me")
    stolen = wire.client(
        "sts", aws_access_key_id=issued["AccessKeyId"], aws_secret_access_key=issued["SecretAccessKey"]
    )
    with pytest.raises(ClientError):
        stolen.get_caller_identity()
