"""Trains an ensemble of trees and exports it: `python -m benchmarks.compiler.forests LIBRARY TREES BATCH FOLDER`.

It runs in the benchmark's own environment and writes `model.onnx`, the library's own file and `inputs.npz`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

FEATURES = 30
_ROWS = 4000
_DIFFERENT = 1024
"""Rows that are run in turn."""
_OPSET = 15


def data(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Features, and a target that some of them decide."""
    x = random.standard_normal((rows, FEATURES), dtype=np.float32)
    y = x[:, 0] * x[:, 1] + np.sin(3 * x[:, 2]) + 0.3 * random.standard_normal(rows)
    return x, y.astype(np.float32)


def xgboost(trees: int, x: np.ndarray, y: np.ndarray, folder: Path, kind: Any) -> Any:
    """Of depth 6, its default."""
    from onnxmltools import convert_xgboost
    from xgboost import XGBRegressor

    model = XGBRegressor(n_estimators=trees, max_depth=6, learning_rate=0.1, n_jobs=2).fit(x, y)
    model.save_model(folder / "model.ubj")
    return convert_xgboost(model, initial_types=[("data", kind)], target_opset=_OPSET)


def lightgbm(trees: int, x: np.ndarray, y: np.ndarray, folder: Path, kind: Any) -> Any:
    """Of 31 leaves, its default."""
    from lightgbm import LGBMRegressor
    from onnxmltools import convert_lightgbm

    model = LGBMRegressor(n_estimators=trees, num_leaves=31, n_jobs=2, verbose=-1).fit(x, y)
    model.booster_.save_model(folder / "model.txt")
    return convert_lightgbm(model, initial_types=[("data", kind)], target_opset=_OPSET)


def main() -> None:
    """Train and write."""
    from onnxmltools.convert.common.data_types import FloatTensorType

    library, trees, batch, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    random = np.random.default_rng(0)
    train = {"XGBoost": xgboost, "LightGBM": lightgbm}[library]
    model = train(trees, *data(random, _ROWS), folder, FloatTensorType([batch, FEATURES]))
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    rows, _ = data(random, max(1, _DIFFERENT // batch) * batch)
    np.savez(folder / "inputs.npz", data=rows.reshape(-1, batch, FEATURES))


if __name__ == "__main__":
    main()
