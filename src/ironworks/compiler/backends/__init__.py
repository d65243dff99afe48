"""What turns the graph into something that runs: one module a backend, each with an engine in the runtime.

A backend has one function, `build(model, target, folder, options) -> list[Candidate]`, that writes its files into
`folder`, which is its own, and raises `BackendSkipped` with the reason where it cannot take the model. One whose
files can run several batch sizes has `build_batches` too, the same for models that differ in their batch size only.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

import onnx

from ironworks.compiler.backends.candidate import BackendSkipped, BuildOptions, Candidate, describe
from ironworks.compiler.targets import Target

__all__ = [
    "BACKENDS",
    "Backend",
    "BackendSkipped",
    "BatchBackend",
    "BuildOptions",
    "Candidate",
    "describe",
    "find_backend",
]

BACKENDS: Sequence[str] = ("native", "trees", "onnxruntime", "openvino", "ncnn", "mnn", "litert")
"""By name of the module in this package, in the order in which they build."""


class Backend(Protocol):
    """A module of this package."""

    def build(
        self, model: onnx.ModelProto, target: Target, folder: Path, options: BuildOptions
    ) -> list[Candidate]:
        """Write what runs `model` into `folder`; one candidate for each set of options worth timing.

        Raises:
            BackendSkipped: what it needs is not installed, or it does not cover an operator of the model.
        """


@runtime_checkable
class BatchBackend(Backend, Protocol):
    """A backend whose files can run several batch sizes."""

    def build_batches(
        self, models: Sequence[onnx.ModelProto], target: Target, folder: Path, options: BuildOptions
    ) -> list[Candidate]:
        """Candidates that run each of `models`, smallest batch first; none if one set of files cannot.

        Raises:
            BackendSkipped: as `build` does.
        """


def find_backend(name: str) -> Backend:
    """The backend called `name`, imported now."""
    return cast(Backend, import_module(f"{__name__}.{name}"))
