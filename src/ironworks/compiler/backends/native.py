"""Our own generated code: one model library with code for every instruction set of the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import onnx

from ironworks.compiler.backends.candidate import BackendSkipped, BuildOptions, Candidate
from ironworks.compiler.native.decisions import Decisions, Layer, Way
from ironworks.compiler.native.lowering import Machine, lower
from ironworks.compiler.native.source import Variant, Weights, level_source
from ironworks.compiler.native.tuning import tune
from ironworks.compiler.targets import Target
from ironworks.compiler.tensors import described_inputs, described_outputs
from ironworks.compiler.toolchain import (
    Compiler,
    Level,
    NoCompiler,
    Source,
    build_library,
    find_compilers,
    levels_of,
)
from ironworks.runtime.artifact import architecture
from ironworks.runtime.engines.native import instruction_set

_ENTRY = "model.so"
_Ways = Mapping[Layer, Way]


def build(model: onnx.ModelProto, target: Target, folder: Path, options: BuildOptions) -> list[Candidate]:
    """Generate, compile and link; with seconds for tuning, once more by what was measured to be faster.

    Raises:
        BackendSkipped: an operator is not covered, or there is no C compiler.
        PlatformError: the C compiler refuses what was generated.
    """
    return build_batches([model], target, folder, options)


def build_batches(
    models: Sequence[onnx.ModelProto], target: Target, folder: Path, options: BuildOptions
) -> list[Candidate]:
    """One library with a variant for each of `models`; weights that are packed alike are there once.

    Raises:
        BackendSkipped, PlatformError: as `build` does.
    """
    try:
        compilers = find_compilers(target.architecture)
    except NoCompiler as error:
        raise BackendSkipped(str(error)) from error
    plain = _Library(models, target, compilers[0], folder / "plain")
    candidates = [plain.candidate({}, "", {})]
    if options.tune_seconds:
        level, ways = _measured(models, target, candidates[0], compilers[0], options.tune_seconds)
        for compiler in compilers if ways else compilers[1:]:
            library = replace(plain, compiler=compiler, folder=folder / compiler.name)
            candidates.append(library.candidate({"tuned": compiler.name}, level, ways))
    return candidates


@dataclass(frozen=True)
class _Library:
    """What a library is made of, and where it goes."""

    models: Sequence[onnx.ModelProto]
    target: Target
    compiler: Compiler
    folder: Path

    def candidate(self, options: Mapping[str, str], tuned: str, ways: _Ways) -> Candidate:
        """Generate, with layers computed in the given ways at the level `tuned`, and compile."""
        levels, weights = levels_of(self.target), Weights()
        sources = [self._source(level, weights, ways if level.name == tuned else {}) for level in levels]
        self.folder.mkdir()
        build_library(self.compiler, sources, levels, weights.blob, self.folder / _ENTRY)
        return Candidate(
            engine="native",
            options=options,
            folder=self.folder,
            entry=_ENTRY,
            instruction_sets=self.target.instruction_sets,
            versions={"compiler": self.compiler.version},
        )

    def _source(self, level: Level, weights: Weights, ways: _Ways) -> Source:
        machine = Machine(level.lanes, level.registers)
        variants = [
            Variant(lower(model, machine, Decisions(ways)), described_inputs(model), described_outputs(model))
            for model in self.models
        ]
        text = level_source(level.identifier, machine, variants, weights)
        return Source(f"{level.identifier}.c", text, level)


def _measured(
    models: Sequence[onnx.ModelProto], target: Target, built: Candidate, compiler: Compiler, seconds: float
) -> tuple[str, _Ways]:
    """The level that this machine runs, and the ways that are faster on it; none for another architecture."""
    if target.architecture != architecture():
        return "", {}
    name = instruction_set(str(built.folder / _ENTRY), described_outputs(models[0]))
    ways: dict[Layer, Way] = {}
    for level in levels_of(target):
        if level.name == name:
            for model in models:
                ways.update(tune(model, level, compiler, seconds / len(models)))
    return name, ways
