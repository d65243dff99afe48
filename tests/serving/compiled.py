"""A small compiled model, made without the compiler."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ironworks.runtime import Manifest, Tensor
from ironworks.runtime.artifact import architecture
from ironworks.runtime.manifest import ANY, ROWS, Variant

WEIGHT = np.arange(12, dtype=np.float32).reshape(4, 3) / 10


def write_compiled(folder: Path, batch_sizes: Sequence[int] = ()) -> None:
    """The artifact of `softmax(data @ WEIGHT)`: `data` (1, 4), the answer (1, 3), both float32.

    With `batch_sizes` there is any number of rows in place of the 1.
    """
    first = ROWS if batch_sizes else 1
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["data", "weight"], ["sums"]),
            helper.make_node("Softmax", ["sums"], ["softmax"]),
        ],
        "small",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, [first, 4])],
        [helper.make_tensor_value_info("softmax", TensorProto.FLOAT, [first, 3])],
        [numpy_helper.from_array(WEIGHT, "weight")],
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), folder / "model.onnx")
    rows = ANY if batch_sizes else 1
    manifest = Manifest(
        target="ml_c5",
        architecture=architecture(),
        engine="onnxruntime",
        entry="model.onnx",
        inputs=(Tensor("data", (rows, 4), "float32"),),
        outputs=(Tensor("softmax", (rows, 3), "float32"),),
        variants=tuple(Variant(size, "onnxruntime", "model.onnx", {}, (), None) for size in batch_sizes),
    )
    checksum = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(replace(manifest, files={"model.onnx": checksum}).to_json())


def expected(data: object) -> np.ndarray:
    """The model's answer, computed with numpy in float64."""
    sums = np.asarray(data, dtype=np.float64).reshape(-1, 4) @ WEIGHT.astype(np.float64)
    powers = np.exp(sums - sums.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)
