"""Whether a library answers what we answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

TOLERANCE = 1e-4
"""Of an output's largest absolute value: ten times what the compiler allows its own candidates."""


def read(path: Path) -> list[np.ndarray]:
    """The outputs that a process has written."""
    with np.load(path) as file:
        return [file[name] for name in file.files]


def difference(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> float:
    """The largest difference of an element, by the largest absolute value of its output.

    Shapes may differ where the elements are as many: some libraries have no dimension for batches, or one less
    for trees. Infinite where outputs are missing, of other sizes or not finite.
    """
    if len(ours) != len(theirs):
        return float("inf")
    return max((_one(*pair) for pair in zip(ours, theirs, strict=True)), default=0.0)


def _one(ours: np.ndarray, theirs: np.ndarray) -> float:
    if ours.size != theirs.size:
        return float("inf")
    left, right = ours.astype(np.float64).ravel(), theirs.astype(np.float64).ravel()
    if not (np.isfinite(left).all() and np.isfinite(right).all()):
        return float("inf")
    scale = float(np.max(np.abs(left), initial=0.0))
    return float(np.max(np.abs(left - right), initial=0.0)) / (scale or 1.0)
