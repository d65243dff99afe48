"""ncnn, by way of its converter pnnx."""

from __future__ import annotations

import subprocess
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import onnx

from ironworks.compiler.backends.candidate import BackendSkipped, BuildOptions, Candidate, describe
from ironworks.compiler.targets import Target
from ironworks.compiler.tensors import described_inputs, described_outputs
from ironworks.compiler.work import worth_a_library
from ironworks.runtime.probe import survives

_ENTRY = "model.ncnn.param"
_SECONDS = 120


def build(model: onnx.ModelProto, target: Target, folder: Path, options: BuildOptions) -> list[Candidate]:
    """Convert; candidates with Winograd's convolutions and without, which can be faster and are more exact.

    Raises:
        BackendSkipped: ncnn or pnnx is not installed, they do not cover the model, its graph would need a
            dimension for batches, or a call of ncnn takes longer than the model can.
    """
    if target.architecture != "x86_64":
        raise BackendSkipped(f"its models are built for x86-64 only, and the target is {target.architecture}")
    inputs, outputs = described_inputs(model), described_outputs(model)
    if any(tensor.shape[:1] != (1,) or tensor.dtype != "float32" for tensor in (*inputs, *outputs)):
        raise BackendSkipped(
            "its graphs have no dimension for batches: inputs and outputs must be float32 [1, …]"
        )
    worth_a_library(model, "ncnn")
    try:
        versions = {name: version(name) for name in ("ncnn", "pnnx")}
    except PackageNotFoundError as error:
        raise BackendSkipped(
            f"{error.name} is not installed; pip install ncnn, and pip install --no-deps pnnx"
        ) from None
    onnx.save(model, folder / "model.onnx")
    _convert(folder, [f"[{','.join(map(str, tensor.shape))}]f32" for tensor in inputs])
    for path in folder.iterdir():
        if path.name not in (_ENTRY, "model.ncnn.bin"):
            path.unlink()
    convolutional = any(node.op_type == "Conv" for node in model.graph.node)
    candidates = [
        Candidate("ncnn", {"winograd": choice}, folder, _ENTRY, ("x86-64",), versions)
        for choice in (("on", "off") if convolutional else ("off",))
    ]
    reason = survives(describe(candidates[0], target, inputs, outputs), folder)
    if reason:
        raise BackendSkipped(f"ncnn {versions['ncnn']} does not run the model: {reason}")
    return candidates


def _converter() -> Path:
    """The program in the package `pnnx`, which is never imported: its Python side wants PyTorch."""
    spec = find_spec("pnnx")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).with_name("pnnx")


def _convert(folder: Path, shapes: list[str]) -> None:
    """The converter is a process of its own: it ends itself on what it does not know."""
    command = [
        str(_converter()),
        "model.onnx",
        f"inputshape={','.join(shapes)}",
        "fp16=0",
    ]
    try:
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackendSkipped(f"pnnx did not convert the model: {error}") from error
    if done.returncode or not (folder / _ENTRY).exists():
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
        raise BackendSkipped(f"pnnx cannot convert the model: {last[0]}")
