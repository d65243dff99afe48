"""What was trained is deployed as it is: the framework's own model answers, by clients from PyPI."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.acceptance.flow import CLIENTS, SDK_2_REGION
from tests.acceptance.installation import MNIST, REGION, Installation
from tests.acceptance.mxnet_module import fetch, mnist_test_set, mxnet_probabilities

pytestmark = pytest.mark.timeout(480)

HOSTING = '''
"""Counts the dark pixels and names the digit; takes what SDK 2 sends as CSV."""
import json

import six  # from requirements.txt
import mxnet as mx
import numpy as np


def input_fn(data, content_type, context):
    assert type(data) is str and context.system_properties["batch_size"] == 1
    return np.array([float(number) for number in data.split(",")]).reshape(1, 1, 28, 28)


def predict_fn(data, model):
    return model.predict(mx.io.NDArrayIter(data, batch_size=1)).asnumpy()


def output_fn(prediction, accept):
    return json.dumps({"digit": int(prediction.argmax()), "by": six.__name__}), accept
'''


@pytest.fixture
def digits(installation: Installation, tmp_path: Path) -> np.ndarray:
    """Twenty test images (20, 784), also in `digits.npy`."""
    images = mnist_test_set(installation)[0][:20]
    np.save(tmp_path / "digits.npy", images)
    return images


def run(installation: Installation, sdk: str, region: str, folder: Path, script: str, *words: Path) -> Any:
    """What a client's script prints last, as JSON."""
    output = folder / "output"
    client = installation.start(sdk, ["python", CLIENTS / script, *words], output, region)
    try:
        assert client.wait(400) == 0, output.read_text()
    finally:
        client.kill()
    return json.loads(output.read_text().splitlines()[-1])


def test_an_estimator_of_sdk_1_deploys_without_compiling_and_answers_as_mxnet_does(
    installation: Installation, digits: np.ndarray, tmp_path: Path
) -> None:
    found = run(
        installation,
        "sagemaker-1.72",
        REGION,
        tmp_path,
        "original_v1.py",
        MNIST / "mnist.py",
        tmp_path / "digits.npy",
    )

    expected = mxnet_probabilities(
        fetch(installation, found["model"], tmp_path / "model"), digits, tmp_path, 1
    )
    np.testing.assert_array_equal(np.float32(found["answers"])[:, 0], expected)
    assert installation.client("sagemaker").list_endpoints()["Endpoints"] == []


def test_estimators_models_and_scripts_of_sdk_2_answer_as_mxnet_does(
    installation: Installation, digits: np.ndarray, tmp_path: Path
) -> None:
    hosting = tmp_path / "hosting"
    hosting.mkdir()
    (hosting / "serve.py").write_text(HOSTING)
    (hosting / "requirements.txt").write_text("six\n")

    found = run(
        installation,
        "sagemaker-2.257",
        SDK_2_REGION,
        tmp_path,
        "original_v2.py",
        MNIST / "mnist.py",
        tmp_path / "digits.npy",
        hosting,
    )

    expected = mxnet_probabilities(
        fetch(installation, found["model"], tmp_path / "model"), digits, tmp_path, 1
    )
    np.testing.assert_array_equal(np.float32(found["estimator"])[:, 0], expected)
    np.testing.assert_array_equal(np.float32(found["archive"])[:, 0], expected)
    assert [answer["digit"] for answer in found["scripted"]] == expected.argmax(1).tolist()
