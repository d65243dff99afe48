"""What is measured: models, batches and threads, and what each takes about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product


@dataclass(frozen=True)
class Model:
    """One of the zoo.

    Attributes:
        family: whose table it is in.
        kind: `network`, or the library that trains the ensemble.
        network: its name in `zoo.NETWORKS`; for an ensemble, its number of trees.
        gflop: of one row, to guess how long a case takes.
    """

    family: str
    kind: str
    network: str
    gflop: float = 0.0


_DENSE, _CONVOLUTIONAL, _TRANSFORMERS, _TREES = (
    "Dense networks",
    "Convolutional networks",
    "Transformers",
    "Ensembles of trees",
)
DIGITS = "MLP, digits"
"""The first images of MNIST's test set instead of random numbers; four fifths of their values are zero."""

MODELS = {
    "MLP": Model(_DENSE, "network", "MLP"),
    DIGITS: Model(_DENSE, "network", "MLP"),
    "LeNet-5": Model(_CONVOLUTIONAL, "network", "LeNet-5"),
    "MXNet's LeNet": Model(_CONVOLUTIONAL, "network", "MXNet's LeNet"),
    "SqueezeNet 1.1": Model(_CONVOLUTIONAL, "network", "SqueezeNet 1.1", 0.7),
    "MobileNetV2": Model(_CONVOLUTIONAL, "network", "MobileNetV2", 0.6),
    "ResNet-18": Model(_CONVOLUTIONAL, "network", "ResNet-18", 3.6),
    "ResNet-50": Model(_CONVOLUTIONAL, "network", "ResNet-50", 8.2),
    "BERT-tiny": Model(_TRANSFORMERS, "network", "BERT-tiny", 0.1),
    "BERT-mini": Model(_TRANSFORMERS, "network", "BERT-mini", 0.8),
    "XGBoost, 100 trees": Model(_TREES, "XGBoost", "100"),
    "XGBoost, 500 trees": Model(_TREES, "XGBoost", "500"),
    "LightGBM, 100 trees": Model(_TREES, "LightGBM", "100"),
    "LightGBM, 500 trees": Model(_TREES, "LightGBM", "500"),
}


WHOLE = ([1, 32], [1, 2])
"""Batches and threads that every model is measured with."""


@dataclass(frozen=True)
class Case:
    """One line of a table."""

    model: str
    batch: int
    threads: int

    @property
    def title(self) -> str:
        """How messages call it."""
        return f"{self.model}, batch {self.batch}, {self.threads} thread{'s' if self.threads > 1 else ''}"

    @property
    def weight(self) -> float:
        """How long it takes about, with its share of compiling; whatever the unit."""
        return 25 + MODELS[self.model].gflop * self.batch


def plan(models: Sequence[str], batches: Sequence[int], threads: Sequence[int]) -> list[Case]:
    """All of them, those that take long at the end."""
    cases = [Case(*values) for values in product(models, batches, threads)]
    return sorted(cases, key=lambda case: case.weight)


def minutes_left(elapsed: float, done: Iterable[Case], left: Iterable[Case]) -> float:
    """How long the cases that are left take, if they go on as those that were done in `elapsed` seconds."""
    finished = sum(case.weight for case in done)
    return elapsed / finished * sum(case.weight for case in left) / 60 if finished else float("nan")
