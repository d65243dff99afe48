"""What verification found of a candidate, by the kinds of inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from ironworks.compiler.report.model import CandidateReport
from ironworks.compiler.verify import Comparison

UNSCALED = "denormal"
"""The kind of inputs whose outputs may be as small as they are, so that a relative error says nothing."""


@dataclass(frozen=True)
class Parity:
    """All comparisons of one kind of inputs.

    Attributes:
        absolute, relative, allowed, output: of the one that used most of what it is allowed.
        argmax_equal, rows: sums over all.
        equal: whether every output counts as the original's.
    """

    inputs: str
    output: str
    absolute: float
    relative: float
    allowed: float
    argmax_equal: int
    rows: int
    equal: bool


def parity(candidate: CandidateReport) -> list[Parity]:
    """One line for each kind of inputs, in the order in which they were tried."""
    kinds: dict[str, list[Comparison]] = {}
    for comparison in candidate.verification:
        kinds.setdefault(comparison.inputs, []).append(comparison)
    return [_line(kind, comparisons) for kind, comparisons in kinds.items()]


def relative_error(candidate: CandidateReport) -> float | None:
    """The largest difference by the output's largest value; None if nothing was compared."""
    errors = [item.relative for item in candidate.verification if item.inputs != UNSCALED]
    return max(errors, default=None)


def _line(kind: str, comparisons: Sequence[Comparison]) -> Parity:
    worst = max(comparisons, key=_used)
    return Parity(
        inputs=kind,
        output=worst.output,
        absolute=worst.absolute,
        relative=worst.relative,
        allowed=worst.allowed,
        argmax_equal=sum(comparison.argmax_equal for comparison in comparisons),
        rows=sum(comparison.rows for comparison in comparisons),
        equal=all(comparison.equal for comparison in comparisons),
    )


def _used(comparison: Comparison) -> float:
    """The share of what is allowed that the difference is; infinite where nothing is allowed."""
    if not comparison.allowed:
        return inf if comparison.absolute else 0.0
    return comparison.absolute / comparison.allowed
