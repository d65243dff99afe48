"""ONNX Runtime: the graph as it is, optimised by the runtime when it is loaded.

Optimising at load keeps the file portable: at the level `all` ONNX Runtime lays tensors out for the machine
that it runs on. That layout is faster for most convolutional networks and slower for some small ones, so
both levels are candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import onnx

from ironworks.compiler.backends.candidate import BackendSkipped, BuildOptions, Candidate
from ironworks.compiler.batches import common_graph
from ironworks.compiler.targets import Target
from ironworks.runtime.artifact import architecture

_ENTRY = "model.onnx"


def build_batches(
    models: Sequence[onnx.ModelProto], target: Target, folder: Path, options: BuildOptions
) -> list[Candidate]:
    """One graph for all of `models`, whose number of rows the runtime fixes when it opens it.

    Raises:
        BackendSkipped: as `build` does.
    """
    common = common_graph(models)
    return build(common, target, folder, options) if common is not None else []


def build(model: onnx.ModelProto, target: Target, folder: Path, options: BuildOptions) -> list[Candidate]:
    """Write the graph into `folder`; one candidate for each level of optimisation that may differ.

    Where there are several threads, each also with threads that spin while a run lasts: waking them for every
    operator takes longer than many operators do.

    Raises:
        BackendSkipped: the target is another architecture than this machine's, where it cannot be verified.
    """
    if target.architecture != architecture():
        raise BackendSkipped(f"it cannot be run here as on {target.architecture}, and so not be verified")
    onnx.save(model, folder / _ENTRY)
    convolutional = any(node.op_type in ("Conv", "ConvTranspose") for node in model.graph.node)
    return [
        Candidate(
            engine="onnxruntime",
            options={"optimization": level, **spinning},
            folder=folder,
            entry=_ENTRY,
            # ONNX Runtime looks for AVX2 and AVX-512 itself when it starts, on any x86-64.
            instruction_sets=("x86-64",) if target.architecture == "x86_64" else (),
            versions={"onnx": version("onnx"), "onnxruntime": version("onnxruntime")},
        )
        for level in (("all", "extended") if convolutional else ("all",))
        for spinning in (({}, {"spinning": "run"}) if target.threads > 1 else ({},))
    ]
