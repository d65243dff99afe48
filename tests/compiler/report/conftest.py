"""Reports without a compilation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from ironworks.compiler.report import CandidateReport, Graph, Machine, Node, Report, TensorType
from ironworks.compiler.verify import Comparison
from ironworks.runtime import Tensor

MakeReport = Callable[..., Report]


def comparison(kind: str = "normal", absolute: float = 1e-7, **changes: Any) -> Comparison:
    """One that is equal."""
    made = Comparison(kind, "y", absolute, absolute / 2, 1e-6, 1, 1)
    return replace(made, **changes)


def candidate(
    label: str, time: float | None, dropped: str = "", verification: Sequence[Comparison] = ()
) -> CandidateReport:
    return CandidateReport(label, time, dropped, verification or [comparison()])


def chain(*operators: str, **operator_counts: int) -> Graph:
    """Nodes one after another, from x to the last one's output."""
    names = ["x", *(f"t{at}" for at in range(len(operators)))]
    nodes = [
        Node(operator, f"n{at}", (names[at], f"w{at}"), (names[at + 1],))
        for at, operator in enumerate(operators)
    ]
    tensors = {name: TensorType("float32", (1, 4)) for name in names}
    tensors |= {f"w{at}": TensorType("float32", (4, 4)) for at in range(len(operators))}
    counts = operator_counts or {name: operators.count(name) for name in dict.fromkeys(operators)}
    return Graph(nodes, tensors, ["x"], [names[-1]], counts)


@pytest.fixture
def report() -> MakeReport:
    """A report of a small network with two candidates; `changes` are its members."""

    def make(**changes: Any) -> Report:
        members: dict[str, Any] = {
            "framework": "ONNX",
            "target": "ml_c5",
            "inputs": (Tensor("x", (1, 4), "float32"),),
            "outputs": (Tensor("y", (1, 4), "float32"),),
            "operators": {"Gemm": 1, "Identity": 1},
            "nodes": (2, 1),
            "passes": {"drop_identity": 1},
            "candidates": (candidate("native", 4.0), candidate("onnxruntime (optimization all)", 14.2)),
            "skipped": {"trees": "the model has none"},
            "chosen": "native",
            "reference": "MXNet 1.9.1",
            "reference_microseconds": 200.0,
            "findings": ("It ends in a softmax.",),
            "seconds": {"import": 0.5, "build": 1.5},
            "model": "model.onnx",
            "created": "2026-11-24T15:16:40+00:00",
            "before": chain("Gemm", "Identity"),
            "after": chain("Gemm"),
            "machine": Machine("A processor", 2, ("avx2", "fma"), "Linux 6.1 x86_64"),
            "versions": {"ironworks": "0.1.0"},
        }
        return Report(**(members | changes))

    return make
