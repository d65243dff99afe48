"""One way of running a model, to be verified and timed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


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
    def label(self) -> str:
        """Its name in messages: `onnxruntime (optimization all)`."""
        details = ", ".join(f"{key} {value}" for key, value in self.options.items())
        return f"{self.engine} ({details})" if details else self.engine
