"""Makes the model of a case, its inputs, and our artifact, in a folder that the libraries read."""

from __future__ import annotations

import gzip
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from benchmarks.compiler.cases import DIGITS, MODELS, Case
from benchmarks.compiler.environment import ROOT, cache
from benchmarks.compiler.machine import Work, work
from benchmarks.compiler.zoo import NETWORKS

from ironworks.compiler.library import compile
from ironworks.datasets.mnist import PREFIX, Mnist
from ironworks.errors import IronworksError

_PIXELS = 28 * 28
_DIFFERENT = 256
"""Images that are run in turn."""


@dataclass(frozen=True)
class Prepared:
    """A model in `folder`.

    Attributes:
        chosen: the candidate in the artifact; empty if there is no artifact, and `failure` says why.
    """

    folder: Path
    work: Work
    compile_seconds: float
    chosen: str
    failure: str = ""


@contextmanager
def prepared(case: Case, python: Path) -> Iterator[Prepared]:
    """The model of a case, compiled for its number of threads; its folder is there for as long."""
    # So that LiteRT is a candidate, not only a rival.
    os.environ.setdefault("IRONWORKS_LITERT_PYTHON", str(python))
    with tempfile.TemporaryDirectory(prefix="ironworks-benchmark-") as folder:
        yield prepare(case, python, Path(folder))


def prepare(case: Case, python: Path, folder: Path) -> Prepared:
    """Write model, inputs and artifact into `folder`."""
    name, batch = case.model, case.batch
    row = MODELS[name]
    if row.kind == "network":
        onnx.save(NETWORKS[row.network](batch), folder / "model.onnx")
        model = onnx.load(folder / "model.onnx")
        feeds = digits(batch) if name == DIGITS else draw(model)[None]
        np.savez(folder / "inputs.npz", **{model.graph.input[0].name: feeds})  # type: ignore[arg-type]
    else:
        module = ("-m", "benchmarks.compiler.forests")
        arguments = [python, *module, row.kind, row.network, batch, folder]
        subprocess.run(list(map(str, arguments)), check=True, cwd=ROOT)
        model = onnx.load(folder / "model.onnx")
    try:
        inputs = {input_name: arrays[0] for input_name, arrays in np.load(folder / "inputs.npz").items()}
        artifact = compile(
            folder / "model.onnx", output=folder / "model.tar.gz", samples=[inputs], threads=case.threads
        )
    except IronworksError as error:
        return Prepared(folder, work(model), 0.0, "", str(error))
    seconds = sum(artifact.report.seconds.values())
    return Prepared(folder, work(model), seconds, artifact.report.chosen)


def draw(model: onnx.ModelProto) -> np.ndarray:
    """Numbers between 0 and 1, or words."""
    random = np.random.default_rng(1)
    kind = model.graph.input[0].type.tensor_type
    shape = [size.dim_value for size in kind.shape.dim]
    if kind.elem_type == onnx.TensorProto.INT64:
        return random.integers(0, 1000, shape)
    return random.random(shape, np.float32)


def digits(batch: int) -> np.ndarray:
    """The first images of MNIST's test set, between 0 and 1: batches [n, batch, 784]."""
    files = Mnist(cache() / "datasets").files(lambda *_: None)
    pixels = gzip.decompress(files[f"{PREFIX}/test/images.gz"].read_bytes())[16:]
    count = max(1, _DIFFERENT // batch)
    images = np.frombuffer(pixels, np.uint8, count * batch * _PIXELS).reshape(count, batch, _PIXELS)
    return images.astype(np.float32) / np.float32(255)
