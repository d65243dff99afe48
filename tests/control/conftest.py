"""An opened installation, and requests as the SDK sends them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ironworks.control import instances
from ironworks.control.endpoint_controller import EndpointController
from ironworks.control.platform import Platform
from ironworks.database import Database
from ironworks.home import Home
from tests.control.fakes import FakeExecutor, Routes

REGION = "us-west-2"
ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"


@pytest.fixture
def platform(home: Home, database: Database) -> Iterator[Platform]:
    platform = Platform.open(home, ACCOUNT)
    yield platform
    platform.close()


@pytest.fixture
def executor() -> FakeExecutor:
    return FakeExecutor()


@pytest.fixture
def routes() -> Routes:
    return Routes()


@pytest.fixture
def controller(platform: Platform, executor: FakeExecutor, routes: Routes) -> Iterator[EndpointController]:
    controller = EndpointController(platform, executor, {}, routes)
    yield controller
    controller.close()


@pytest.fixture
def ready(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Instances (by id) that answer their pings."""
    answering: set[str] = set()
    monkeypatch.setattr(instances, "answers", lambda home, instance_id: instance_id in answering)
    return answering


def training_request(name: str = "job-1", **changes: Any) -> dict[str, Any]:
    request = {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": {
            "TrainingImage": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/mxnet-training:1.4.1-cpu-py3",
            "TrainingInputMode": "File",
        },
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
        "ResourceConfig": {"InstanceType": "ml.m4.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "HyperParameters": {
            "sagemaker_program": '"train.py"',
            "sagemaker_submit_directory": '"s3://bucket/sourcedir.tar.gz"',
        },
    }
    return {**request, **changes}


def compilation_request(name: str = "compile-1", **output: Any) -> dict[str, Any]:
    return {
        "CompilationJobName": name,
        "RoleArn": ROLE,
        "InputConfig": {
            "S3Uri": "s3://bucket/model.tar.gz",
            "DataInputConfig": '{"data": [1, 784]}',
            "Framework": "MXNET",
        },
        "OutputConfig": {"S3OutputLocation": "s3://bucket/compiled", "TargetDevice": "ml_c5", **output},
        "StoppingCondition": {"MaxRuntimeInSeconds": 300},
    }
