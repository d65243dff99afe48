"""The members of `report.json`.

A member that is added needs a default, with which a report of an earlier version is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from math import isfinite
from time import perf_counter
from typing import Any

from ironworks.compiler.report.graph import Graph
from ironworks.compiler.report.machine import Machine
from ironworks.compiler.report.reading import read_json
from ironworks.compiler.validation.accuracy import Grade, Validation
from ironworks.compiler.verify import Comparison
from ironworks.runtime import Tensor


@dataclass(frozen=True)
class CandidateReport:
    """How a candidate did.

    Attributes:
        microseconds: median of one call in this process on one thread; None if it was not timed.
        dropped: why it is out; empty if it is not.
        verification: one comparison for each output of each set of inputs.
        precision: what it computes in, `f32` or a reduced one.
        note: what speaks against it, though it is not out.
        validation: how it does on the caller's labelled examples; None without them.
    """

    label: str
    microseconds: float | None
    dropped: str
    verification: Sequence[Comparison]
    precision: str = "f32"
    note: str = ""
    validation: Grade | None = None

    @property
    def largest_error(self) -> float:
        """The largest absolute difference from the original."""
        return max((comparison.absolute for comparison in self.verification), default=0.0)


@dataclass(frozen=True)
class PrecisionReport:
    """Which precision was asked for, and why the chosen candidate has the one that it has.

    Attributes:
        asked: `auto`, `f32` or a reduced precision.
        chosen: the precision of the candidate in the artifact.
        reason: why; empty for `f32` as asked.
        calibrated_with: what the ranges of activations were measured on; empty if they were not.
    """

    asked: str = "f32"
    chosen: str = "f32"
    reason: str = ""
    calibrated_with: str = ""


@dataclass(frozen=True)
class BatchReport:
    """What `Report` has, for one of several batch sizes."""

    size: int
    candidates: Sequence[CandidateReport]
    skipped: Mapping[str, str]
    chosen: str
    reference_microseconds: float | None
    precision: PrecisionReport = PrecisionReport()
    validation: Validation | None = None


@dataclass(frozen=True)
class Report:
    """The whole compilation. Of a model of several batch sizes, what depends on the size is that of the smallest.

    Attributes:
        operators: how many of each operator the model had in its framework.
        nodes: of the graph, before and after the passes.
        passes: how many places each pass changed.
        skipped: why a backend built no candidate, by its name.
        chosen: label of the candidate in the artifact.
        reference: what the original ran on; `reference_microseconds` is its time per call, if measured.
        findings: what the person who made the model should know.
        seconds: how long each phase took.
        model: the name of the file that was compiled.
        created: when, in UTC, as ISO 8601 writes it.
        before, after: the graph as it was imported, and after the passes.
        machine: where candidates were built, verified and timed.
        versions: of what built and ran them.
        tolerances: how far off an output may be, by dtype and by reduced precision.
        precision: which one was asked for and chosen.
        validation: the original's accuracy on the caller's labelled examples; None without them.
        threads: how many a call could use when candidates were timed.
        batches: one for each batch size, if the model was compiled for several.
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
    model: str = ""
    created: str = ""
    before: Graph | None = None
    after: Graph | None = None
    machine: Machine | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    tolerances: Mapping[str, float] = field(default_factory=dict)
    precision: PrecisionReport = PrecisionReport()
    validation: Validation | None = None
    threads: int = 1
    batches: Sequence[BatchReport] = ()

    def to_json(self) -> str:
        """The text of `report.json`; a number that is not finite is `null`, because JSON has none."""
        return _text(_finite(asdict(self))) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Report:
        """Read the text of a `report.json`, also of an earlier or a later version.

        Raises:
            ReportError: it is damaged.
        """
        return read_json(cls, text)

    def to_html(self) -> str:
        """The text of `report.html`: a page of its own that loads nothing."""
        # Here, because the page is made of reports.
        from ironworks.compiler.report.page import page

        return page(self)


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


_WIDTH = 180


def _text(value: Any, indent: str = "") -> str:
    """JSON that people can read: what fits on a line is on one."""
    line = json.dumps(value, allow_nan=False)
    if len(indent) + len(line) <= _WIDTH or not isinstance(value, (dict, list)) or not value:
        return line
    inner = indent + "  "
    if isinstance(value, dict):
        items = [f"{inner}{json.dumps(key)}: {_text(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    return "[\n" + ",\n".join(inner + _text(item, inner) for item in value) + f"\n{indent}]"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value
