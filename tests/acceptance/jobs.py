"""Training jobs that need no framework, for tests of what surrounds the script."""

from __future__ import annotations

import io
import tarfile
from typing import Any

from tests.acceptance.installation import Installation

BUCKET = "acceptance"
ROLE = "arn:aws:iam::123456789012:role/service-role/IronworksRole"
LOG_GROUP = "/aws/sagemaker/TrainingJobs"


def source_archive(script: str) -> bytes:
    """A sourcedir.tar.gz with `train.py`."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        member = tarfile.TarInfo("train.py")
        member.size = len(script.encode())
        tar.addfile(member, io.BytesIO(script.encode()))
    return archive.getvalue()


def submit(installation: Installation, name: str, script: str, **changes: Any) -> None:
    """Create a training job that runs `script`. `changes` are further members of the request."""
    s3 = installation.client("s3")
    if BUCKET not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_object(Bucket=BUCKET, Key=f"{name}/sourcedir.tar.gz", Body=source_archive(script))
    request = {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": "python:3.11-slim", "TrainingInputMode": "File"},
        "HyperParameters": {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": f"s3://{BUCKET}/{name}/sourcedir.tar.gz",
        },
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/artifacts"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }
    installation.client("sagemaker").create_training_job(**{**request, **changes})


def log_lines(installation: Installation, name: str) -> list[str]:
    """What a job has printed so far, in order."""
    logs = installation.client("logs")
    if not logs.describe_log_groups(logGroupNamePrefix=LOG_GROUP)["logGroups"]:
        return []
    lines = []
    for page in logs.get_paginator("filter_log_events").paginate(
        logGroupName=LOG_GROUP, logStreamNamePrefix=f"{name}/"
    ):
        lines += [event["message"] for event in page["events"]]
    return lines
