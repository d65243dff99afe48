"""A model as it was imported: once, or once for each of several batch sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import onnx
from onnx import checker, shape_inference

from ironworks.compiler.batches import open_tensors, with_rows
from ironworks.compiler.frontends import Frontend, ImportedModel
from ironworks.compiler.graph import checked
from ironworks.compiler.passes import apply_passes
from ironworks.compiler.tensors import described_inputs, described_outputs
from ironworks.errors import ClientError, PlatformError
from ironworks.runtime import Tensor

Shapes = Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class Source:
    """The model as it was imported, checked, with what it takes and gives.

    `size` is which of several batch sizes it is for; 0 if there is one only.
    """

    imported: ImportedModel
    graph: onnx.ModelProto
    inputs: list[Tensor]
    outputs: list[Tensor]
    size: int = 0

    @property
    def batch(self) -> str:
        """The batch size, to be appended to a line of the log."""
        return f" for batches of {self.size}" if self.size else ""


@dataclass(frozen=True)
class Optimised:
    """The graph after the passes, and how many places each changed."""

    graph: onnx.ModelProto
    passes: Mapping[str, int]


def import_all(
    frontend: Frontend, model: Path, shapes: Shapes, sizes: Sequence[int], name: str
) -> list[Source]:
    """The model with `shapes`, or with each of the batch sizes.

    Raises:
        ClientError: the model or the shapes cannot be used.
    """
    if not sizes:
        return [_import(frontend, model, shapes, name)]
    sources = []
    for size in sizes:
        try:
            source = _import(frontend, model, with_rows(shapes, size), name)
        except ClientError as error:
            raise ClientError(f"The model cannot take batches of {size}. {error}") from error
        sources.append(replace(source, size=size))
    any_rows(sources)  # before any work
    return sources


def any_rows(sources: Sequence[Source]) -> tuple[list[Tensor], list[Tensor]]:
    """The inputs and the outputs of a model of several batch sizes.

    Raises:
        ClientError: one has not a row for each row of the batch.
    """
    sizes = [source.size for source in sources]
    return (
        open_tensors([source.inputs for source in sources], sizes),
        open_tensors([source.outputs for source in sources], sizes),
    )


def optimise(original: onnx.ModelProto) -> Optimised:
    """A copy of the graph, after the passes."""
    graph = onnx.ModelProto()
    graph.CopyFrom(original)
    passes = apply_passes(graph)
    return Optimised(_checked(graph), passes)


def _import(frontend: Frontend, model: Path, shapes: Shapes, name: str) -> Source:
    imported = frontend.read(model, shapes, name)
    graph = _checked(imported.model)
    return Source(imported, graph, described_inputs(graph), described_outputs(graph))


def _checked(model: onnx.ModelProto) -> onnx.ModelProto:
    try:
        return checked(model)
    except (checker.ValidationError, shape_inference.InferenceError) as error:
        raise PlatformError(
            f"The compiler made an invalid graph: {error}. Please report the model."
        ) from error
