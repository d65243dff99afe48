"""The project's own training script, on the framework itself.

Runs where IRONWORKS_TEST_MXNET_PYTHON names an interpreter that has MXNet.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from tests.training.service import BUCKET, NAME, OwnInterpreter, Service, channel, request

from ironworks.training import Environment

PYTHON = os.environ.get("IRONWORKS_TEST_MXNET_PYTHON")
SCRIPT = Path(__file__).parents[2] / "examples" / "mnist" / "mnist.py"

pytestmark = pytest.mark.skipif(
    not PYTHON, reason="IRONWORKS_TEST_MXNET_PYTHON names no interpreter with MXNet"
)


class MxnetInterpreter(OwnInterpreter):
    def prepare(self, framework: str, version: str, log: object, check: object) -> Environment:
        return Environment.of(Path(PYTHON or ""), "MXNet 1.9.1")


def digits(count: int) -> tuple[bytes, bytes]:
    """Images and labels in IDX: a digit is a bright row, at a place of its own."""
    labels = np.arange(count, dtype=np.uint8) % 10
    images = np.random.default_rng(0).integers(0, 60, (count, 28, 28), dtype=np.uint8)
    images[np.arange(count), labels * 2 + 4] = 255
    return (
        gzip.compress(struct.pack(">IIII", 2051, count, 28, 28) + images.tobytes()),
        gzip.compress(struct.pack(">II", 2049, count) + labels.tobytes()),
    )


def test_the_script_learns_and_saves_what_the_compiler_takes(service: Service) -> None:
    for name, count in (("train", 4000), ("test", 200)):
        images, labels = digits(count)
        service.put(f"mnist/{name}/images.gz", images)
        service.put(f"mnist/{name}/labels.gz", labels)
    algorithm = request()["AlgorithmSpecification"]
    body = request(
        AlgorithmSpecification={
            **algorithm,
            "MetricDefinitions": [{"Name": "accuracy", "Regex": r"Validation-accuracy=([0-9.]+)"}],
        },
        InputDataConfig=[channel(name, f"s3://{BUCKET}/mnist/{name}") for name in ("train", "test")],
        HyperParameters=request()["HyperParameters"]
        | {"epochs": "6", "learning-rate": "0.3", "sagemaker_program": "mnist.py"},
    )
    result = service.run({"mnist.py": SCRIPT.read_text()}, body, environments=MxnetInterpreter())
    assert result.metrics["accuracy"] >= 0.96
    assert sum("Validation-accuracy=" in text for text in service.observer.texts) == 6
    files = service.members(f"models/{NAME}/output/model.tar.gz")
    assert sorted(files) == ["model-0000.params", "model-shapes.json", "model-symbol.json"]
    assert json.loads(files["model-shapes.json"]) == [{"name": "data", "shape": [100, 1, 28, 28]}]
    nodes = json.loads(files["model-symbol.json"])["nodes"]
    assert (nodes[-1]["op"], nodes[-1]["name"]) == ("SoftmaxOutput", "softmax")


HOOKS = """
import io, json, sys
sys.path.insert(0, sys.argv[1])
import mnist, numpy
body = io.BytesIO(); numpy.save(body, numpy.zeros((1, 28, 28)))
image = mnist.neo_preprocess(body.getvalue(), "application/vnd+python.numpy+binary")
print(json.dumps([image.shape, mnist.neo_postprocess(numpy.full((1, 10), 0.1))]))
try: mnist.neo_preprocess(b"", "text/csv")
except RuntimeError as error: print(error)
"""


def test_the_hooks_take_npy_and_give_probabilities() -> None:
    printed = subprocess.check_output([str(PYTHON), "-c", HOOKS, str(SCRIPT.parent)], text=True)
    answer, error = io.StringIO(printed).read().splitlines()
    assert json.loads(answer) == [[1, 28, 28], [json.dumps([0.1] * 10), "application/json"]]
    assert error == "Content type must be application/vnd+python.numpy+binary"
