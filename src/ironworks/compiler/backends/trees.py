"""Decision trees and forests: our own walk over a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx

from ironworks.compiler.backends.candidate import BackendSkipped, BuildOptions, Candidate
from ironworks.compiler.native.source import Weights
from ironworks.compiler.targets import Target
from ironworks.compiler.tensors import described_inputs, described_outputs
from ironworks.compiler.toolchain import NoCompiler, Source, build_library, find_compiler, levels_of
from ironworks.compiler.trees.read import OPERATORS, read_ensemble
from ironworks.compiler.trees.source import forest_source
from ironworks.compiler.trees.table import lay_out

_ENTRY = "model.so"


def build(model: onnx.ModelProto, target: Target, folder: Path, options: BuildOptions) -> list[Candidate]:
    """Lay out the ensemble, and compile the walk for the target's lowest instruction set: it gains nothing from others.

    Raises:
        BackendSkipped: the model is no ensemble of trees alone, or has something that is not covered, or there
            is no C compiler.
        PlatformError: the C compiler refuses the source.
    """
    return build_batches([model], target, folder, options)


def build_batches(
    models: Sequence[onnx.ModelProto], target: Target, folder: Path, options: BuildOptions
) -> list[Candidate]:
    """One library with one table, and a walk for each number of rows.

    Raises:
        BackendSkipped, PlatformError: as `build` does.
    """
    node, outputs = _only_trees(models[0])
    ensemble = read_ensemble(node)
    inputs = described_inputs(models[0])
    if len(inputs) != 1 or inputs[0].dtype != "float32" or len(inputs[0].shape) != 2:
        raise BackendSkipped("an ensemble of trees takes one input, rows of float32")
    weights, level = Weights(), levels_of(target)[-1]
    table = lay_out(ensemble)
    tensors = [(described_inputs(model)[0], described_outputs(model)) for model in models]
    text = forest_source(level.identifier, ensemble, table, tensors, outputs, weights)
    try:
        compiler = find_compiler(target.architecture)
    except NoCompiler as error:
        raise BackendSkipped(str(error)) from error
    source = Source(f"{level.identifier}.c", text, level)
    build_library(compiler, [source], [level], weights.blob, folder / _ENTRY)
    versions = {"compiler": compiler.version}
    return [Candidate("native", {"layout": "table"}, folder, _ENTRY, (level.name,), versions)]


def _only_trees(model: onnx.ModelProto) -> tuple[onnx.NodeProto, Mapping[str, str]]:
    """The ensemble, and which of its outputs (`label`, `scores`) each output of the graph is."""
    nodes = [node for node in model.graph.node if node.op_type in OPERATORS]
    if len(nodes) != 1:
        raise BackendSkipped(
            f"it takes ensembles of decision trees, and the model has {len(nodes) or 'none'}"
        )
    node = nodes[0]
    kinds = ["scores"] if len(node.output) == 1 else ["label", "scores"]
    names = dict(zip(node.output, kinds, strict=True))
    inputs = {item.name for item in model.graph.input}
    for other in model.graph.node:
        if other is node or other.op_type == "Identity":
            names.update({other.output[0]: names[other.input[0]]} if other.input[0] in names else {})
            continue
        raise BackendSkipped(f"beside the trees the model has the node {other.name} ({other.op_type})")
    if node.input[0] not in inputs:
        raise BackendSkipped("something is done to the rows before the trees get them")
    unknown = [item.name for item in model.graph.output if item.name not in names]
    if unknown:
        raise BackendSkipped(f"the output {unknown[0]} is not one of the trees")
    return node, {item.name: names[item.name] for item in model.graph.output}
