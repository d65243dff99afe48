"""Our description of an ensemble of decision trees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]

AGGREGATES = ("SUM", "AVERAGE", "MIN", "MAX")
POST_TRANSFORMS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")


@dataclass(frozen=True)
class Leaf:
    """What a row that ends here adds: weights by target; a target that is not named is not touched."""

    weights: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Split:
    """`left` if `x[feature] < threshold` (or `≤`, if `inclusive`), else `right`; NaN goes left if `nan_left`."""

    feature: int
    threshold: float
    inclusive: bool
    nan_left: bool
    left: Node
    right: Node


Node = Leaf | Split


@dataclass(frozen=True)
class Ensemble:
    """Trees whose leaves are aggregated by target.

    Attributes:
        targets: how many scores a row gets.
        base: what each target begins with; empty for zeros.
        post_transform: what becomes of a row's scores, as ONNX names it.
        labels: of a classifier, by class; empty for a regressor.
        binary: whether one score stands for two classes; then `targets` is 1.
        positive: of a binary classifier, whether all weights of leaves are positive, which makes scores probabilities.
    """

    trees: Sequence[Node]
    targets: int
    aggregate: str
    post_transform: str
    base: tuple[float, ...]
    labels: tuple[int, ...] = ()
    binary: bool = False
    positive: bool = False
