"""Metrics as the SDKs, the `aws` command and Prometheus read them."""

from __future__ import annotations

import json
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.acceptance.flow import CLIENTS, Flow
from tests.acceptance.installation import REGION, Installation, final
from tests.acceptance.jobs import submit

JOB = "measured"
METRICS = [
    {"Name": "train:loss", "Regex": "loss=([0-9.]+)"},
    {"Name": "accuracy", "Regex": "accuracy=([0-9.]+)"},
    {"Name": "never", "Regex": "never=([0-9.]+)"},
]


@pytest.fixture(scope="module")
def job(installation: Installation) -> str:
    """A job that has printed three losses and an accuracy."""
    algorithm = {
        "TrainingImage": "python:3.11-slim",
        "TrainingInputMode": "File",
        "MetricDefinitions": METRICS,
    }
    script = "for loss in (1, 0.5, 0.25): print(f'loss={loss}', flush=True)\nprint('accuracy=0.75')"
    submit(installation, JOB, script, AlgorithmSpecification=algorithm)
    sagemaker = installation.client("sagemaker")
    ended = final(lambda: sagemaker.describe_training_job(TrainingJobName=JOB), "TrainingJobStatus")
    assert ended["TrainingJobStatus"] == "Completed", ended["FailureReason"]
    return JOB


def run(installation: Installation, sdk: str, command: list[str | Path], output: Path) -> str:
    """What a client prints last."""
    with installation.start(sdk, command, output, REGION) as process:
        status = process.wait(120)
    printed = output.read_text()
    assert status == 0, printed
    return printed


@pytest.mark.parametrize("sdk", ["sagemaker-1.72", "sagemaker-2.257"])
def test_training_job_analytics_of_the_sdk(
    installation: Installation, job: str, sdk: str, tmp_path: Path
) -> None:
    printed = run(installation, sdk, ["python", CLIENTS / "training_analytics.py", job], tmp_path / "out")
    columns = json.loads(printed.splitlines()[-1])
    found = dict(zip(columns["metric_name"], columns["value"], strict=True))
    assert found == {"train:loss": pytest.approx(1.75 / 3), "accuracy": 0.75}
    assert columns["timestamp"] == [0, 0]


def test_the_aws_command(installation: Installation, job: str, tmp_path: Path) -> None:
    now = datetime.now(timezone.utc)
    command = [
        "aws", "cloudwatch", "get-metric-statistics", "--output", "json",
        "--namespace", "/aws/sagemaker/TrainingJobs", "--metric-name", "train:loss",
        "--dimensions", f"Name=TrainingJobName,Value={job}", "--period", "86400",
        "--start-time", (now - timedelta(hours=12)).isoformat(), "--end-time", now.isoformat(),
        "--statistics", "SampleCount", "Minimum", "--extended-statistics", "p50",
    ]  # fmt: skip
    (point,) = json.loads(run(installation, "awscli", command, tmp_path / "out"))["Datapoints"]
    assert (point["SampleCount"], point["Minimum"], point["ExtendedStatistics"]) == (3, 0.25, {"p50": 0.5})


def test_prometheus_scrapes_the_server_with_the_token_in_its_home(
    installation: Installation, job: str
) -> None:
    token = (installation.home / "metrics.token").read_text()
    url = installation.client_environment["AWS_ENDPOINT_URL"] + "/metrics"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request) as answer:
        families = {family.name: family for family in text_string_to_metric_families(answer.read().decode())}
    completed = [
        sample.value
        for sample in families["ironworks_resources"].samples
        if sample.labels == {"kind": "training-job", "region": REGION, "status": "Completed"}
    ]
    assert len(completed) == 1 and completed[0] >= 1
    assert families["process_resident_memory_bytes"].samples[0].value > 10_000_000


def test_the_invocations_of_an_endpoint_outlive_it(
    flows: dict[str, Flow], installation: Installation
) -> None:
    flows["boto3"].finish()
    cloudwatch = installation.client("cloudwatch")
    latencies = cloudwatch.list_metrics(Namespace="AWS/SageMaker", MetricName="ModelLatency")["Metrics"]
    assert latencies
    now = datetime.now(timezone.utc)
    window = {"StartTime": now - timedelta(hours=12), "EndTime": now + timedelta(minutes=1), "Period": 86400}
    for metric in latencies:
        (latency,) = cloudwatch.get_metric_statistics(
            **metric, **window, Statistics=["SampleCount"], ExtendedStatistics=["p50"]
        )["Datapoints"]
        invocations = {**metric, "MetricName": "Invocations"}
        (count,) = cloudwatch.get_metric_statistics(**invocations, **window, Statistics=["Sum"])["Datapoints"]
        assert latency["SampleCount"] == count["Sum"] >= 1
        assert 0 < latency["ExtendedStatistics"]["p50"] < 60e6
