"""Jobs, models and endpoints in an installation's database, without anybody who works on them."""

from __future__ import annotations

import time
from typing import Any

from ironworks.control import compilation_jobs, endpoints, models, training_jobs
from ironworks.control.platform import Platform
from ironworks.control.records import Resource
from tests.server.wire import REGION

IMAGE = "763104351884.dkr.ecr.us-west-2.amazonaws.com/mxnet-training:1.4.1-cpu-py3"


def add(platform: Platform, kind: str, name: str, status: str, request: Any, state: Any = None) -> Resource:
    """A resource in a state of its own."""
    arn = platform.arn(REGION, kind, name)
    return platform.resources.create(
        kind, REGION, name, arn, status=status, request=request, state=state or {}
    )


def training_job(platform: Platform, name: str, status: str = "Completed", **changes: Any) -> Resource:
    """A training job; `changes` are members of its request or, if they are known since, of its state."""
    now = time.time()
    request = {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "RoleArn": "arn:aws:iam::123456789012:role/IronworksExecutionRole",
        "HyperParameters": {"epochs": "10", "sagemaker_program": '"mnist.py"'},
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
        "ResourceConfig": {"InstanceType": "ml.m4.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    }
    state: dict[str, Any] = {
        "SecondaryStatus": status,
        "SecondaryStatusTransitions": [
            {"Status": "Starting", "StartTime": now - 30, "EndTime": now - 28, "StatusMessage": "Launching"},
            {"Status": status, "StartTime": now - 28, "EndTime": now, "StatusMessage": "It went on"},
        ],
        "TrainingStartTime": now - 28,
        "TrainingEndTime": now,
    }
    for member, value in changes.items():
        (request if member in ("HyperParameters", "InputDataConfig") else state)[member] = value
    return add(platform, training_jobs.KIND, name, status, request, state)


def compilation_job(platform: Platform, name: str, status: str = "COMPLETED", **state: Any) -> Resource:
    """A compilation job."""
    request = {
        "CompilationJobName": name,
        "RoleArn": "arn:aws:iam::123456789012:role/IronworksExecutionRole",
        "InputConfig": {
            "S3Uri": "s3://bucket/model.tar.gz",
            "DataInputConfig": '{"data": [1, 784]}',
            "Framework": "MXNET",
        },
        "OutputConfig": {"S3OutputLocation": "s3://bucket/compiled", "TargetDevice": "ml_c5"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 300},
    }
    return add(platform, compilation_jobs.KIND, name, status, request, state)


def model(platform: Platform, name: str, **environment: str) -> Resource:
    """A model."""
    container = {"Image": IMAGE, "ModelDataUrl": "s3://bucket/model.tar.gz", "Environment": environment}
    return add(platform, models.KIND, name, "", {"ModelName": name, "PrimaryContainer": container})


def endpoint(platform: Platform, name: str, status: str = "Failed", **state: Any) -> Resource:
    """An endpoint of one variant, whose model is there too; one that has failed is left alone by the reconciler."""
    model(platform, f"{name}-model")
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": f"{name}-model",
        "InitialInstanceCount": 1,
        "InstanceType": "ml.c5.xlarge",
    }
    config = {"EndpointConfigName": f"{name}-config", "ProductionVariants": [variant]}
    endpoints.create_config(platform, REGION, config)
    request = {"EndpointName": name, "EndpointConfigName": f"{name}-config"}
    made = endpoints.create(platform, REGION, request)

    def change(resource: Resource) -> None:
        resource.status = status
        resource.state = {**resource.state, **state}

    changed = platform.resources.change(made.id, change)
    assert changed is not None
    return changed
