"""OpenVINO: oneDNN's kernels, which lead on transformers and other networks of large matrix products."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import onnx

from ironworks.compiler.backends.candidate import BackendSkipped, BuildOptions, Candidate
from ironworks.compiler.batches import common_graph
from ironworks.compiler.targets import Target
from ironworks.compiler.work import worth_a_library

_SOURCE, _ENTRY = "model.onnx", "model.xml"


def build(model: onnx.ModelProto, target: Target, folder: Path, options: BuildOptions) -> list[Candidate]:
    """Convert to OpenVINO's own format, float32 as it was.

    Raises:
        BackendSkipped: OpenVINO is not installed, does not cover the model, or a call of it takes longer than
            the model can.
    """
    worth_a_library(model, "OpenVINO")
    return _convert(model, target, folder)


def build_batches(
    models: Sequence[onnx.ModelProto], target: Target, folder: Path, options: BuildOptions
) -> list[Candidate]:
    """One file for all of `models`, whose number of rows the runtime fixes when it opens it.

    Raises:
        BackendSkipped: as `build` does, for the largest of them.
    """
    worth_a_library(models[-1], "OpenVINO")
    common = common_graph(models)
    return _convert(common, target, folder) if common is not None else []


def _convert(model: onnx.ModelProto, target: Target, folder: Path) -> list[Candidate]:
    if target.architecture != "x86_64":
        raise BackendSkipped(f"its models are built for x86-64 only, and the target is {target.architecture}")
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
