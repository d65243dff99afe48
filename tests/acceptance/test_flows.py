"""The notebook's flow, by clients from PyPI that know nothing but what `ironworks env` exports."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from tests.acceptance.flow import SDK_2_REGION, Flow
from tests.acceptance.installation import REGION, Installation, final
from tests.acceptance.jobs import ROLE
from tests.acceptance.mxnet_module import fetch, mnist_test_set, mxnet_probabilities

from ironworks import runtime

pytestmark = pytest.mark.timeout(480)


@pytest.mark.parametrize("client", ["boto3", "awscli"])
def test_every_step_passes_with_a_plain_client(flows: dict[str, Flow], client: str) -> None:
    assert flows[client].finish().endswith("every step passed\n")


def test_every_cell_of_the_notebook_passes_with_sdk_2(flows: dict[str, Flow]) -> None:
    printed = flows["sagemaker-2.257"].finish()
    assert "Most likely answer: (7," in printed
    assert "As a row, most likely answer: 7" in printed


def test_every_cell_of_the_notebook_passes_unmodified_with_sdk_1(flows: dict[str, Flow]) -> None:
    printed = flows["sagemaker-1.72"].finish()
    assert "Most likely answer: (7," in printed
    assert "As a row, most likely answer: 7" in printed


def test_the_notebooks_training_reaches_its_accuracy(flows: dict[str, Flow]) -> None:
    printed = flows["sagemaker-1.72"].finish()
    (accuracy,) = re.findall(r"Epoch\[9\] Validation-accuracy=([0-9.]+)", printed)
    assert float(accuracy) >= 0.96


def test_a_metric_of_the_estimator_is_found_in_the_log(
    flows: dict[str, Flow], installation: Installation
) -> None:
    flows["sagemaker-2.257"].finish()
    job = _notebook_job(installation, SDK_2_REGION)
    (metric,) = job["FinalMetricDataList"]
    assert metric["MetricName"] == "validation:accuracy"
    assert 0.8 < metric["Value"] <= 1


def test_nothing_runs_when_the_endpoints_are_deleted(
    flows: dict[str, Flow], installation: Installation
) -> None:
    for flow in flows.values():
        flow.finish()
    for region in (REGION, SDK_2_REGION):
        sagemaker = installation.client("sagemaker", region_name=region)
        assert sagemaker.list_endpoints()["Endpoints"] == []
        assert sagemaker.list_endpoint_configs()["EndpointConfigs"] == []
    assert installation.processes("ironworks.serving") == []
    assert installation.processes("mnist.py") == []


def test_the_compiled_model_equals_mxnet_on_all_test_images(
    flows: dict[str, Flow], installation: Installation, tmp_path: Path
) -> None:
    flows["sagemaker-1.72"].finish()
    job = _notebook_job(installation, REGION)
    trained = job["ModelArtifacts"]["S3ModelArtifacts"]
    images, labels = mnist_test_set(installation)

    expected = mxnet_probabilities(
        fetch(installation, trained, tmp_path / "trained"), images, tmp_path, 10_000
    )
    compiled = runtime.load(fetch(installation, _compiled_from(installation, trained), tmp_path / "compiled"))
    actual = np.stack([compiled.run(image)[0].reshape(10) for image in images])

    np.testing.assert_array_equal(actual.argmax(1), expected.argmax(1))
    error, accuracy = np.abs(actual - expected).max(), (actual.argmax(1) == labels).mean()
    print(f"10,000 images: max. absolute error {error:.2g}, accuracy {accuracy:.4f}")
    assert error <= 1e-5
    assert accuracy >= 0.96


def _notebook_job(installation: Installation, region: str) -> dict:
    sagemaker = installation.client("sagemaker", region_name=region)
    (job,) = sagemaker.list_training_jobs(NameContains="mxnet-training")["TrainingJobSummaries"]
    return sagemaker.describe_training_job(TrainingJobName=job["TrainingJobName"])


def _compiled_from(installation: Installation, model: str) -> str:
    """A build of its own: the notebooks of both SDKs compile to one and the same key."""
    sagemaker = installation.client("sagemaker")
    output = {"S3OutputLocation": model.rpartition("/")[0], "TargetDevice": "ml_c5"}
    sagemaker.create_compilation_job(
        CompilationJobName="proof",
        RoleArn=ROLE,
        InputConfig={"S3Uri": model, "DataInputConfig": '{"data": [1, 784]}', "Framework": "MXNET"},
        OutputConfig=output,
        StoppingCondition={"MaxRuntimeInSeconds": 300},
    )
    job = final(
        lambda: sagemaker.describe_compilation_job(CompilationJobName="proof"), "CompilationJobStatus"
    )
    assert job["CompilationJobStatus"] == "COMPLETED", job["FailureReason"]
    return job["ModelArtifacts"]["S3ModelArtifacts"]
