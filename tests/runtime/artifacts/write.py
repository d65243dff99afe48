"""Writes artifacts of the present format: `python -m tests.runtime.artifacts.write`.

To be run once, when the format of the manifest or of the libraries has changed; what it writes is kept, and every
later version has to load it. One file a kind, `VERSION-KIND.tar.gz`, and `VERSION-KIND.npz` with inputs
(`input_NAME`) and what the model answered (`output_NAME`).
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from pytest import MonkeyPatch

from ironworks import compile, load
from ironworks.compiler import building
from ironworks.runtime.manifest import ANY, VERSIONS

HERE = Path(__file__).parent
VERSION = VERSIONS[-1]
ROWS = 5
BATCHES = (1, 4)
"""Version 2 is of models of several batch sizes."""


def network() -> onnx.ModelProto:
    """A dense network of 6-8-3."""
    random = np.random.default_rng(VERSION)
    weights = {
        "w1": random.standard_normal((8, 6)),
        "b1": random.standard_normal(8),
        "w2": random.standard_normal((3, 8)),
        "b2": random.standard_normal(3),
    }
    nodes = [
        helper.make_node("Gemm", ["data", "w1", "b1"], ["h"], transB=1),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("Gemm", ["r", "w2", "b2"], ["s"], transB=1),
        helper.make_node("Softmax", ["s"], ["probabilities"], axis=1),
    ]
    return _model(
        nodes,
        ("data", ["n", 6]),
        ("probabilities", ["n", 3]),
        {k: v.astype("f4") for k, v in weights.items()},
    )


def forest() -> onnx.ModelProto:
    """Two trees of one split each."""
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["data"],
        ["sum"],
        domain="ai.onnx.ml",
        n_targets=1,
        nodes_treeids=[0, 0, 0, 1, 1, 1],
        nodes_nodeids=[0, 1, 2, 0, 1, 2],
        nodes_featureids=[0, 0, 0, 2, 0, 0],
        nodes_values=[0.5, 0, 0, -0.25, 0, 0],
        nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"] * 2,
        nodes_truenodeids=[1, 0, 0, 1, 0, 0],
        nodes_falsenodeids=[2, 0, 0, 2, 0, 0],
        target_treeids=[0, 0, 1, 1],
        target_nodeids=[1, 2, 1, 2],
        target_ids=[0] * 4,
        target_weights=[1.0, 2.0, 10.0, 20.0],
    )
    return _model([node], ("data", ["n", 4]), ("sum", ["n", 1]), {})


KINDS = {
    "native": (network, ("native",)),
    "trees": (forest, ("trees",)),
    "onnxruntime": (network, ("onnxruntime",)),
}
"""The model of each, and the backends that may build it."""


def main() -> None:
    """Compile each kind that is not there yet, and keep what it answers."""
    for kind, (model, backends) in KINDS.items():
        stem = HERE / f"{VERSION}-{kind}"
        if Path(f"{stem}.tar.gz").exists():
            print(f"{stem}.tar.gz is there, and stays as it was written.")
            continue
        with tempfile.TemporaryDirectory() as folder, MonkeyPatch.context() as patch:
            patch.setattr(building, "BACKENDS", backends)
            onnx.save(model(), Path(folder) / "model.onnx")
            artifact = compile(
                Path(folder) / "model.onnx", output=Path(folder) / "model.tar.gz", batch_sizes=BATCHES
            )
            shutil.copy(artifact.path, f"{stem}.tar.gz")
        compiled = load(f"{stem}.tar.gz")
        (given,) = compiled.inputs
        assert given.shape[0] == ANY
        inputs = np.random.default_rng(0).standard_normal((ROWS, *given.shape[1:])).astype(given.dtype)
        outputs = compiled.run(inputs)[0]
        np.savez(stem, **{f"input_{given.name}": inputs, f"output_{compiled.outputs[0].name}": outputs})


def _model(
    nodes: list[onnx.NodeProto],
    given: tuple[str, list[int | str]],
    answered: tuple[str, list[int | str]],
    constants: dict[str, np.ndarray],
) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "model",
        [helper.make_tensor_value_info(given[0], TensorProto.FLOAT, given[1])],
        [helper.make_tensor_value_info(answered[0], TensorProto.FLOAT, answered[1])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


if __name__ == "__main__":
    main()
