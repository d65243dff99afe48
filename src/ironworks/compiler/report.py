"""What a compilation did, found and measured: `report.json` in the artifact."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from math import isfinite
from time import perf_counter
from typing import Any

from ironworks.compiler.verify import Comparison
from ironworks.runtime import Tensor


@dataclass(frozen=True)
class CandidateReport:
    """How a candidate did.

    Attributes:
        microseconds: median of one call in this process on one thread; None if it was not timed.
        dropped: why it is out; empty if it is not.
        verification: one comparison for each output of each set of inputs.
    """

    label: str
    microseconds: float | None
    dropped: str
    verification: Sequence[Comparison]

    @property
    def largest_error(self) -> float:
        """The largest absolute difference from the original."""
        return max((comparison.absolute for comparison in self.verification), default=0.0)


@dataclass(frozen=True)
class Report:
    """The whole compilation.

    Attributes:
        operators: how many of each operator the model had in its framework.
        nodes: of the graph, before and after the passes.
        passes: how many places each pass changed.
        skipped: why a backend built no candidate, by its name.
        chosen: label of the candidate in the artifact.
        reference: what the original ran on; `reference_microseconds` is its time per call, if measured.
        findings: what the person who made the model should know.
        seconds: how long each phase took.
    """

    framework: str
    target: str
    inputs: Sequence[Tensor]
    outputs: Sequence[Tensor]
    operators: Mapping[str, int]
    nodes: tuple[int, int]
    passes: Mapping[str, int]
    candidates: Sequence[CandidateReport]
    skipped: Mapping[str, str]
    chosen: str
    reference: str
    reference_microseconds: float | None
    findings: Sequence[str]
    seconds: Mapping[str, float]

    def to_json(self) -> str:
        """The text of `report.json`; a number that is not finite is `null`, because JSON has none."""
        return json.dumps(_finite(asdict(self)), indent=2, allow_nan=False) + "\n"


@dataclass
class Phases:
    """Seconds by phase."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Add the time of the body to the phase `name`."""
        start = perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + perf_counter() - start


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value
