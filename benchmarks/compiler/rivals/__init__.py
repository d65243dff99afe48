"""The libraries to measure against: functions `start(job) -> call`, where a call runs the model once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

Call = Callable[[], Any]
"""Runs the model and gives its outputs, in whatever form the library has them."""


@dataclass(frozen=True)
class Job:
    """What a library shall run.

    Attributes:
        folder: has `model.onnx`, or for an ensemble of trees also what its library has written, and `inputs.npz`.
        feeds: inputs by name, to run one after the other: a processor learns the branches of one that is repeated.
        work: a folder of the library's own. What it has converted stays there for other numbers of threads.
    """

    folder: Path
    feeds: Sequence[Mapping[str, np.ndarray]]
    threads: int
    work: Path

    @property
    def onnx(self) -> Path:
        """The model."""
        return self.folder / "model.onnx"

    @property
    def arrays(self) -> list[np.ndarray]:
        """The feeds of a model that has one input."""
        return [array for feed in self.feeds for array in [*feed.values()]]


def each_in_turn(items: Iterable[Any]) -> Callable[[], Any]:
    """Gives the items, the first first, again and again."""
    return cycle(items).__next__


OURS, OURS_BOUND = "ironworks", "ironworks, bound"
"""Our artifact: answers in new arrays, and in the caller's, as the rivals have both."""

NETWORKS = {
    OURS: "networks:ironworks",
    OURS_BOUND: "networks:ironworks_bound",
    "ONNX Runtime": "networks:onnxruntime",
    "ONNX Runtime, bound": "networks:onnxruntime_bound",
    "OpenVINO": "networks:openvino",
    "ncnn": "networks:ncnn",
    "MNN": "networks:mnn",
    "LiteRT": "networks:litert",
    "torch.compile": "networks:torch_compile",
}
"""Where each is in this package. They are imported in their own processes."""

_TREES = {
    **{name: NETWORKS[name] for name in (OURS, OURS_BOUND, "ONNX Runtime", "ONNX Runtime, bound")},
    "treelite": "trees:treelite",
    "tl2cgen": "trees:tl2cgen",
    "tl2cgen, from C": "trees:tl2cgen_function",
}
LIBRARIES = {
    "network": NETWORKS,
    "XGBoost": _TREES | {"XGBoost": "trees:xgboost"},
    "LightGBM": _TREES | {"LightGBM": "trees:lightgbm"},
}
"""By kind of model."""
