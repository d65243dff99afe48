"""The notebook's network: trained for an epoch, as it is, as ONNX, and compiled; and what is sent to it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from benchmarks.compiler.environment import ROOT, cache

from ironworks.bench.payload import Payload, digit, read
from ironworks.compiler.frontends.mxnet import read as read_mxnet
from ironworks.compiler.library import compile
from ironworks.datasets.mnist import Mnist
from ironworks.training import Environments

SCRIPT = ROOT / "examples" / "mnist" / "mnist.py"
SHAPES = {"data": (1, 784)}
PAYLOADS = ("npy", "json")


@dataclass(frozen=True)
class Prepared:
    """The model in its three forms.

    Attributes:
        checkpoint: the folder of MXNet's files.
        scores: what the model answers to the payloads, shape (10,).
    """

    checkpoint: Path
    onnx: Path
    artifact: Path
    payloads: Mapping[str, Payload]
    scores: npt.NDArray[np.float32]


def prepare(folder: Path) -> Prepared:
    """Train, convert and compile into `folder`."""
    checkpoint = folder / "checkpoint"
    checkpoint.mkdir()
    _train(checkpoint)
    model = read_mxnet(checkpoint, SHAPES, "the checkpoint").model
    onnx.save(model, folder / "model.onnx")
    compile(checkpoint, SHAPES, output=folder / "model.tar.gz", samples=[{"data": digit().astype("f4")}])
    return finish(checkpoint, folder / "model.onnx", folder / "model.tar.gz")


def finish(checkpoint: Path, model: Path, artifact: Path) -> Prepared:
    """The payloads, and what the model makes of them."""
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    inputs = {session.get_inputs()[0].name: digit().astype("f4")}
    payloads = {
        "npy": read("digit", None),
        "json": Payload(json.dumps(digit().tolist()).encode(), "application/json"),
    }
    return Prepared(checkpoint, model, artifact, payloads, session.run(None, inputs)[0][0])


def _train(folder: Path) -> None:
    python = Environments(cache() / "environments").prepare("mxnet", "1.9.1", print).python
    files = Mnist(cache() / "datasets").files(lambda *_: None)
    environ = {**os.environ, "SM_MODEL_DIR": str(folder)}
    for channel in ("train", "test"):
        some_file = next(path for key, path in files.items() if f"/{channel}/" in key)
        environ[f"SM_CHANNEL_{channel.upper()}"] = str(some_file.parent)
    command = [str(python), str(SCRIPT), "--epochs", "1"]
    subprocess.run(command, env=environ, check=True, capture_output=True)
