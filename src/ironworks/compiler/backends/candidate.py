"""One way of running a model, to be verified and timed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

import ironworks
from ironworks.compiler.targets import Target
from ironworks.runtime import Manifest, Tensor


class BackendSkipped(Exception):
    """A backend cannot build this model here; `str` is one clear line: what is missing or not covered.

    It is no error of the job: the other backends take the model.
    """


@dataclass(frozen=True)
class BuildOptions:
    """What a caller asks of every backend.

    Attributes:
        threads: how many threads one inference may use.
        tune_seconds: how long kernels may be chosen by measurement; 0 takes the cost model's choice.
        samples: inputs that the model is meant for, by input name.
    """

    threads: int = 1
    tune_seconds: float = 0.0
    samples: Sequence[Mapping[str, NDArray[Any]]] = ()


@dataclass(frozen=True)
class Candidate:
    """What a backend has built.

    Attributes:
        engine: the runtime's engine that runs it.
        options: what the engine is told, which tells candidates of one backend apart.
        folder: has the files, and nothing else.
        entry: the file in `folder` that the engine opens.
        instruction_sets: the levels that its code asks for.
        versions: of what built it.
    """

    engine: str
    options: Mapping[str, str]
    folder: Path
    entry: str
    instruction_sets: tuple[str, ...]
    versions: Mapping[str, str]

    @property
    def precision(self) -> str:
        """What it computes in: the model's own, `f32`, or what the option `precision` says."""
        return self.options.get("precision", "f32")

    @property
    def label(self) -> str:
        """Its name in messages: `onnxruntime (optimization all)`, `openvino int8`."""
        details = ", ".join(f"{key} {value}" for key, value in self.options.items() if key != "precision")
        name = self.engine if self.precision == "f32" else f"{self.engine} {self.precision}"
        return f"{name} ({details})" if details else name


def describe(
    candidate: Candidate, target: Target, inputs: Sequence[Tensor], outputs: Sequence[Tensor]
) -> Manifest:
    """The manifest of `candidate`, without the checksums, which an artifact gets when it is written."""
    return Manifest(
        target=target.name,
        architecture=target.architecture,
        engine=candidate.engine,
        entry=candidate.entry,
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        instruction_sets=candidate.instruction_sets,
        options=candidate.options,
        versions={"ironworks": ironworks.__version__, **candidate.versions},
        threads=target.threads,
    )
