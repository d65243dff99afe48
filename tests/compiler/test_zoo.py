"""The 34 classification networks of `mxnet.gluon.model_zoo.vision`, with random weights, as MXNet exports them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from ironworks.compiler.frontends import mxnet

RESNETS = [f"resnet{depth}_v{version}" for version in (1, 2) for depth in (18, 34, 50, 101, 152)]
VGGS = [f"vgg{depth}{norm}" for norm in ("", "_bn") for depth in (11, 13, 16, 19)]
DENSENETS = [f"densenet{depth}" for depth in (121, 161, 169, 201)]
MOBILENETS = [
    f"{kind}{width}" for kind in ("mobilenet", "mobilenetv2_") for width in ("1.0", "0.75", "0.5", "0.25")
]
ZOO = [*RESNETS, *VGGS, "alexnet", *DENSENETS, "squeezenet1.0", "squeezenet1.1", "inceptionv3", *MOBILENETS]
SIZES = (
    dict.fromkeys(DENSENETS, 221)
    | dict.fromkeys(MOBILENETS, 96)
    | {
        "alexnet": 63,
        "inceptionv3": 299,
        "squeezenet1.0": 213,
        "squeezenet1.1": 209,
    }
)
"""Pixels that a network needs at least, for MobileNets to see more than padding; 32 where it is not here."""
TOLERANCE = 1e-5
"""Of the largest number that a network answers."""


@pytest.fixture(scope="module")
def exporter(mxnet_python: Path) -> Iterator[subprocess.Popen[str]]:
    """MXNet, exporting one network after the other."""
    script = Path(__file__).with_name("zoo_exporter.py")
    with subprocess.Popen(
        [mxnet_python, "-W", "ignore", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "2", "MXNET_SUBGRAPH_VERBOSE": "0"},
    ) as process:
        yield process
        process.kill()


def test_the_zoo_is_the_whole_zoo(mxnet_python):
    listing = "from mxnet.gluon.model_zoo import vision\ntry: vision.get_model('')\nexcept ValueError as e: print(e)"
    told = subprocess.run(
        [mxnet_python, "-W", "ignore", "-c", listing], capture_output=True, text=True, check=True
    )
    assert sorted(line.strip() for line in told.stdout.splitlines() if line.startswith("\t")) == sorted(ZOO)


@pytest.mark.parametrize("name", ZOO)
def test_an_imported_network_equals_mxnet(exporter, tmp_path, name):
    size = SIZES.get(name, 32)
    exporter.stdin.write(f"{name} {size} {tmp_path}\n")
    exporter.stdin.flush()
    assert exporter.stdout.readline().strip() == name
    with np.load(tmp_path / "case.npz") as case:
        images, expected = case["x"], case["y"]
    scale = np.abs(expected).max()
    assert np.abs(expected[0] - expected[1]).max() > 100 * TOLERANCE * scale  # it tells the images apart
    model = mxnet.read(tmp_path, {"data": list(images.shape)}, name).model
    shutil.rmtree(tmp_path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    found = session.run(None, {"data": images})[0]
    error = float(np.abs(found - expected).max() / scale)
    assert error <= TOLERANCE
    assert np.array_equal(found.argmax(1), expected.argmax(1))
