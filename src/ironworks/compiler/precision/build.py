"""Builds the candidates of a reduced precision, with the backends that execute it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import onnx

from ironworks.compiler.backends import BackendSkipped, BuildOptions, Candidate, find_backend
from ironworks.compiler.precision.quantisation import quantise, quantise_dynamically, quantise_weights
from ironworks.compiler.precision.request import Request
from ironworks.compiler.precision.rounding import round_weights
from ironworks.compiler.targets import Target

_BUILDERS = ("onnxruntime", "openvino")


def build_reduced(
    request: Request,
    model: onnx.ModelProto,
    full: Sequence[Candidate],
    target: Target,
    folder: Path,
    options: BuildOptions,
) -> tuple[list[Candidate], dict[str, str]]:
    """The candidates of every precision that is requested, and why some have none, by `onnxruntime int8`.

    `full` are the candidates in the model's own precision: bfloat16 is a setting of OpenVINO's. `folder` is for
    the files of those that have some of their own.
    """
    built: list[Candidate] = []
    skipped = {}
    for precision in request.kinds:
        for backend in _BUILDERS:
            own = folder / f"{precision}-{backend}"
            own.mkdir(parents=True)
            try:
                if (precision, backend) == ("bf16", "openvino"):
                    built.append(_multiplying_bfloat16(full))
                    continue
                reduced = _graph(precision, backend, request)(model)
                candidate = find_backend(backend).build(reduced, target, own, options)[0]
                built.append(_named(candidate, precision))
            except BackendSkipped as reason:
                skipped[f"{backend} {precision}"] = str(reason)
    return built, skipped


def _graph(precision: str, backend: str, request: Request) -> Callable[[onnx.ModelProto], onnx.ModelProto]:
    """How the graph is reduced for a backend."""
    if precision == "bf16":
        return round_weights
    if precision == "int8-weights":
        # On dense layers of 1024 each is two to three times as fast as float32, and no faster in the other engine.
        return quantise_dynamically if backend == "onnxruntime" else quantise_weights
    if not request.calibration:
        raise BackendSkipped("there are no examples to measure the ranges of activations on")
    return lambda model: quantise(model, request.calibration)


def _multiplying_bfloat16(full: Sequence[Candidate]) -> Candidate:
    """OpenVINO's candidate, told to compute in bfloat16.

    Raises:
        BackendSkipped: there is none, or this processor does not multiply bfloat16, so that it would run in float32.
    """
    candidate = next((item for item in full if item.engine == "openvino"), None)
    if candidate is None:
        raise BackendSkipped("OpenVINO has no candidate in float32 either")
    import openvino

    if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise BackendSkipped("this processor does not multiply bfloat16: it has neither AVX512_BF16 nor AMX")
    return _named(candidate, "bf16")


def _named(candidate: Candidate, precision: str) -> Candidate:
    return replace(candidate, options={"precision": precision, **candidate.options})
