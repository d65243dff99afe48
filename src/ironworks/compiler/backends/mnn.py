"""MNN, by way of its converter."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import onnx

from ironworks.compiler.backends.candidate import BackendSkipped, BuildOptions, Candidate, describe
from ironworks.compiler.targets import Target
from ironworks.compiler.tensors import described_inputs, described_outputs
from ironworks.compiler.work import worth_a_library
from ironworks.runtime.probe import survives

_ENTRY = "model.mnn"
_SECONDS = 120


def build(model: onnx.ModelProto, target: Target, folder: Path, options: BuildOptions) -> list[Candidate]:
    """Convert, float32 as it was.

    Raises:
        BackendSkipped: MNN is not installed, does not cover the model, or a call of it takes longer than the
            model can.
    """
    if target.architecture != "x86_64":
        raise BackendSkipped(f"its models are built for x86-64 only, and the target is {target.architecture}")
    inputs, outputs = described_inputs(model), described_outputs(model)
    if any(tensor.dtype != "float32" for tensor in (*inputs, *outputs)):
        raise BackendSkipped("it is tried for float32 inputs and outputs only")
    worth_a_library(model, "MNN")
    try:
        versions = {"MNN": version("MNN")}
    except PackageNotFoundError:
        raise BackendSkipped("it is not installed; pip install MNN") from None
    source = folder / "model.onnx"
    onnx.save(model, source)
    command = [
        *(sys.executable, "-m", "MNN.tools.mnnconvert", "-f", "ONNX", "--bizCode", "ironworks"),
        *("--modelFile", str(source), "--MNNModel", str(folder / _ENTRY)),
    ]
    try:
        # A process of its own: the converter ends itself on what it does not know.
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False, cwd=folder
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackendSkipped(f"MNN's converter did not convert the model: {error}") from error
    if done.returncode or not (folder / _ENTRY).exists():
        raise BackendSkipped(f"MNN {versions['MNN']} cannot convert the model")
    for path in folder.iterdir():
        if path.name != _ENTRY:
            path.unlink()
    candidate = Candidate("mnn", {}, folder, _ENTRY, ("x86-64",), versions)
    reason = survives(describe(candidate, target, inputs, outputs), folder)
    if reason:
        raise BackendSkipped(f"MNN {versions['MNN']} does not run the model: {reason}")
    return [candidate]
