"""LiteRT, TensorFlow Lite's successor, by way of its converter, which lives in an environment of its own."""

from __future__ import annotations

import os
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import onnx

from ironworks.compiler.backends.candidate import BackendSkipped, BuildOptions, Candidate, describe
from ironworks.compiler.targets import Target
from ironworks.compiler.tensors import described_inputs, described_outputs
from ironworks.compiler.work import worth_a_library
from ironworks.runtime.probe import survives

CONVERTER = "IRONWORKS_LITERT_PYTHON"
"""The variable that names the interpreter that has litert-torch and onnx2torch: with PyTorch, two gigabytes."""

_WORKER = Path(__file__).with_name("litert_worker.py")
_ENTRY = "model.tflite"
_SECONDS = 300
_INPUTS = ("float32", "int32", "int64")


def build(model: onnx.ModelProto, target: Target, folder: Path, options: BuildOptions) -> list[Candidate]:
    """Convert, float32 as it was.

    Raises:
        BackendSkipped: LiteRT or its converter is not installed, they do not cover the model, or a call of
            LiteRT takes longer than the model can.
    """
    if target.architecture != "x86_64":
        raise BackendSkipped(f"its models are built for x86-64 only, and the target is {target.architecture}")
    inputs, outputs = described_inputs(model), described_outputs(model)
    if any(tensor.dtype not in _INPUTS for tensor in inputs) or any(
        tensor.dtype != "float32" for tensor in outputs
    ):
        raise BackendSkipped("it is tried for inputs of float32, int32 and int64 and outputs of float32 only")
    worth_a_library(model, "LiteRT")
    try:
        versions = {"ai-edge-litert": version("ai-edge-litert")}
    except PackageNotFoundError:
        raise BackendSkipped("it is not installed; pip install ai-edge-litert") from None
    source = folder / "model.onnx"
    onnx.save(model, source)
    try:
        versions["litert-torch"] = _convert(source, folder / _ENTRY)
    finally:
        source.unlink()
    candidate = Candidate("litert", {}, folder, _ENTRY, ("x86-64",), versions)
    reason = survives(describe(candidate, target, inputs, outputs), folder)
    if reason:
        raise BackendSkipped(f"LiteRT {versions['ai-edge-litert']} does not run the model: {reason}")
    return [candidate]


def _convert(source: Path, destination: Path) -> str:
    """Write the file; answers the converter's version."""
    python = os.environ.get(CONVERTER)
    if not python:
        raise BackendSkipped(
            f"its converter is not there; install litert-torch and onnx2torch in an environment of their own and "
            f"set {CONVERTER} to its interpreter (docs/compiler.md has the commands)"
        )
    # Isolated: this folder has modules with the names of libraries.
    command = [python, "-I", str(_WORKER), str(source), str(destination)]
    try:
        done = subprocess.run(
            command,
            cwd=source.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackendSkipped(f"LiteRT's converter did not convert the model: {error}") from error
    output = done.stdout if done.returncode == 0 else done.stderr
    last = (output.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
    if done.returncode or not destination.exists():
        raise BackendSkipped(f"LiteRT's converter cannot convert the model: {last}")
    return last
