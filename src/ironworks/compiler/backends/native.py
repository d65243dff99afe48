"""Our own generated code: one model library with code for every instruction set of the target."""

from __future__ import annotations

from pathlib import Path

import onnx

from ironworks.compiler.backends.candidate import BackendSkipped, BuildOptions, Candidate
from ironworks.compiler.native.lowering import Machine, lower
from ironworks.compiler.native.source import Variant, Weights, level_source
from ironworks.compiler.targets import Target
from ironworks.compiler.tensors import described_inputs, described_outputs
from ironworks.compiler.toolchain import NoCompiler, Source, build_library, find_compiler, levels_of

_ENTRY = "model.so"


def build(model: onnx.ModelProto, target: Target, folder: Path, options: BuildOptions) -> list[Candidate]:
    """Generate, compile and link.

    Raises:
        BackendSkipped: an operator is not covered, or there is no C compiler.
        PlatformError: the C compiler refuses what was generated.
    """
    levels = levels_of(target)
    weights = Weights()
    inputs, outputs = described_inputs(model), described_outputs(model)
    sources = []
    for level in levels:
        machine = Machine(level.lanes, level.registers)
        variant = Variant(lower(model, machine), inputs, outputs)
        text = level_source(level.identifier, machine, [variant], weights)
        sources.append(Source(f"{level.identifier}.c", text, level))
    try:
        compiler = find_compiler(target.architecture)
    except NoCompiler as error:
        raise BackendSkipped(str(error)) from error
    build_library(compiler, sources, levels, weights.blob, folder / _ENTRY)
    return [
        Candidate(
            engine="native",
            options={},
            folder=folder,
            entry=_ENTRY,
            instruction_sets=target.instruction_sets,
            versions={"compiler": compiler.version},
        )
    ]
