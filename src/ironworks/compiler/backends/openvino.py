"""OpenVINO: oneDNN's kernels, which lead on transformers and other networks of large matrix products."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import onnx

from ironworks.compiler.backends.candidate import BackendSkipped, BuildOptions, Candidate
from ironworks.compiler.targets import Target
from ironworks.compiler.work import worth_a_library

_SOURCE, _ENTRY = "model.onnx", "model.xml"


def build(model: onnx.ModelProto, target: Target, folder: Path, options: BuildOptions) -> list[Candidate]:
    """Convert to OpenVINO's own format, float32 as it was.

    Raises:
        BackendSkipped: OpenVINO is not installed, does not cover the model, or a call of it takes longer than
            the model can.
    """
    if target.architecture != "x86_64":
        raise BackendSkipped(f"its models are built for x86-64 only, and the target is {target.architecture}")
    worth_a_library(model, "OpenVINO")
    try:
        versions = {"openvino": version("openvino")}
    except PackageNotFoundError:
        raise BackendSkipped("it is not installed; pip install openvino") from None
    import openvino

    source = folder / _SOURCE
    onnx.save(model, source)
    try:
        converted = openvino.Core().read_model(source)
        openvino.save_model(converted, folder / _ENTRY, compress_to_fp16=False)
    except Exception as error:  # its exceptions have no common ancestor but this
        raise BackendSkipped(f"OpenVINO {versions['openvino']} cannot convert the model: {error}") from error
    finally:
        source.unlink()
    return [Candidate("openvino", {}, folder, _ENTRY, ("x86-64",), versions)]
