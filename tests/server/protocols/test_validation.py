"""Validation: AWS's words for every kind of violation, all of them at once."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.model import DenormalizedStructureBuilder, OperationModel

from ironworks.server.errors import ServiceError, ValidationError
from ironworks.server.protocols.model import service_model
from ironworks.server.protocols.validation import validate


def operation(name: str, service: str = "sagemaker") -> OperationModel:
    return service_model(service).operation_model(name)


def violations(params: Any, name: str = "DescribeTrainingJob") -> str:
    with pytest.raises(ValidationError) as raised:
        validate(params, operation(name).input_shape)
    return raised.value.message


def test_valid_request_passes() -> None:
    validate({"TrainingJobName": "my-job-1"}, operation("DescribeTrainingJob").input_shape)


def test_missing_member() -> None:
    assert violations({}) == (
        "1 validation error detected: Value null at 'trainingJobName' failed to satisfy constraint: "
        "Member must not be null"
    )


def test_every_violation_is_listed() -> None:
    message = violations({"TrainingJobName": "-" * 64})
    assert message.startswith("2 validation errors detected: ")
    assert "have length less than or equal to 63" in message
    assert "satisfy regular expression pattern" in message


def test_enum_range_and_nested_paths() -> None:
    message = violations(
        {
            "CompilationJobName": "a",
            "RoleArn": "arn:aws:iam::123456789012:role/r",
            "InputConfig": {"S3Uri": "s3://b/k", "Framework": "CAFFE"},
            "OutputConfig": {"S3OutputLocation": "s3://b/o"},
            "StoppingCondition": {"MaxRuntimeInSeconds": 0},
            "Tags": [{"Key": "a"}],
        },
        "CreateCompilationJob",
    )
    assert "'CAFFE' at 'inputConfig.framework'" in message and "enum value set: [TENSORFLOW," in message
    assert "'0' at 'stoppingCondition.maxRuntimeInSeconds'" in message
    assert "Value null at 'tags.1.member.value'" in message


def test_unicode_classes_of_a_pattern_are_understood() -> None:
    shape = operation("AddTags").input_shape.members["Tags"]
    validate([{"Key": "größe", "Value": "日本"}], shape)
    with pytest.raises(ValidationError, match="regular expression"):
        validate([{"Key": "a\x00", "Value": ""}], shape)


def test_hostile_value_does_not_hang_a_pattern() -> None:
    assert "regular expression" in violations({"TrainingJobName": "a" + "-" * 61 + "!"})


def test_unknown_members_are_ignored() -> None:
    validate({"TrainingJobName": "a", "Invented": 1}, operation("DescribeTrainingJob").input_shape)


@pytest.mark.parametrize("params", [[], "text", {"TrainingJobName": 7}, {"TrainingJobName": ["a"]}])
def test_wrong_type(params: Any) -> None:
    with pytest.raises(ServiceError) as raised:
        validate(params, operation("DescribeTrainingJob").input_shape)
    assert raised.value.code == "SerializationException"


@pytest.mark.parametrize("value", ["\ud800", "a\udfffb", 10**30, -(2**63) - 1])
def test_what_no_database_could_keep_is_refused(value: Any) -> None:
    kind = "string" if isinstance(value, str) else "long"
    shape = DenormalizedStructureBuilder().with_members({"m": {"type": kind}}).build_model()
    with pytest.raises(ServiceError) as raised:
        validate({"m": value}, shape)
    assert raised.value.code == "SerializationException"


def test_true_is_not_a_number() -> None:
    shape = DenormalizedStructureBuilder().with_members({"n": {"type": "integer"}}).build_model()
    with pytest.raises(ServiceError, match="must be of type integer"):
        validate({"n": True}, shape)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_is_finite(number: float) -> None:
    shape = DenormalizedStructureBuilder().with_members({"n": {"type": "float"}}).build_model()
    with pytest.raises(ServiceError, match="n must be a finite number"):
        validate({"n": number}, shape)
