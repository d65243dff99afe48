"""A port of the notebook: other import lines, the same cells, the same answer."""

from __future__ import annotations

import numpy as np

from tests.sdk.notebook import ORIGINAL, Ran, ported_source


def test_only_import_lines_differ() -> None:
    lines = zip(ORIGINAL.read_text().splitlines(), ported_source().splitlines(), strict=True)
    assert [pair for pair in lines if pair[0] != pair[1]] == [
        ("from sagemaker import get_execution_role", "from ironworks import get_execution_role"),
        ("from sagemaker.session import Session", "from ironworks.session import Session"),
        ("from sagemaker.mxnet import MXNet", "from ironworks.mxnet import MXNet"),
    ]


def test_it_sees_a_seven(ported: Ran) -> None:
    assert "Most likely answer: (7, " in ported.printed
    assert "As a row, most likely answer: 7" in ported.printed


def test_its_answer_is_a_list_as_it_was(ported: Ran) -> None:
    response = ported.variables["response"]
    assert isinstance(response, list)
    assert all(type(probability) is float for probability in response)
    assert np.isclose(sum(response), 1, atol=1e-5)


def test_training_is_shown_as_it_happens(ported: Ran) -> None:
    phases = [
        line.strip() for line in ported.printed.splitlines() if line.startswith("  ") and "│" not in line
    ]
    assert phases[0] == "Starting"
    assert phases.index("Training") < [phase.startswith("Completed after") for phase in phases].index(True)
    assert "  │ Epoch[1] Validation-accuracy=" in ported.printed


def test_each_old_name_is_noted_once(ported: Ran) -> None:
    noted = [text.partition(" is of the SageMaker SDK")[0] for text in ported.notes]
    assert sorted(noted) == [
        "A function as a serializer",
        "Predictor.content_type",
        "Predictor.endpoint",
        "compile_model",
        "distributions",
        "initial_instance_count",
        "py_version",
        "role",
        "train_instance_count",
        "train_instance_type",
    ]
    assert "train_instance_count is of the SageMaker SDK: it is called instance_count here." in ported.notes


def test_the_artifacts_lie_where_it_said(ported: Ran) -> None:
    bucket = ported.variables["bucket"]
    job = ported.variables["mnist_estimator"].job
    assert job.model_data == f"s3://{bucket}/artifacts/{job.name}/output/model.tar.gz"
    assert ported.variables["compiled_model"].model_data == f"s3://{bucket}/model-ml_c5.tar.gz"
