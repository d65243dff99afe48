from __future__ import annotations

import hashlib
import json
import tarfile

import onnx
import pytest
from onnx import TensorProto, helper

from ironworks.runtime.artifact import architecture


def describe(**changes):
    """A manifest of an adder of two inputs."""
    document = {
        "format": "ironworks-compiled-model",
        "version": 1,
        "target": "ml_c5",
        "architecture": architecture(),
        "instruction_sets": [],
        "engine": "onnxruntime",
        "options": {},
        "entry": "model.onnx",
        "inputs": [
            {"name": "a", "shape": [1, 4], "dtype": "float32"},
            {"name": "b", "shape": [1, 4], "dtype": "float32"},
        ],
        "outputs": [{"name": "sum", "shape": [1, 4], "dtype": "float32"}],
        "versions": {},
        "files": {},
    }
    return document | changes


@pytest.fixture
def manifest():
    return describe


@pytest.fixture
def adder(tmp_path):
    """Writes the artifact of a model that adds its inputs (or doubles its only one); answers its folder."""

    def write(single=False, **changes):
        folder = tmp_path / "artifact"
        folder.mkdir()
        names = ["a"] if single else ["a", "b"]
        graph = helper.make_graph(
            [helper.make_node("Add", ["a", names[-1]], ["sum"])],
            "adder",
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in names],
            [helper.make_tensor_value_info("sum", TensorProto.FLOAT, [1, 4])],
        )
        onnx.save(
            helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9),
            folder / "model.onnx",
        )
        checksum = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
        document = describe(**({"files": {"model.onnx": checksum}} | changes))
        if single:
            document["inputs"] = document["inputs"][:1]
        (folder / "manifest.json").write_text(json.dumps(document))
        return folder

    return write


@pytest.fixture
def multiplier(tmp_path):
    """Writes the artifact of a model that multiplies rows of 3 for batches of 1, 4 and 16; answers its folder.

    A file for each batch size; `run_times` are microseconds by batch size.
    """

    def write(run_times=None, **changes):
        folder = tmp_path / "multiplier"
        folder.mkdir()
        variants, files = [], {}
        for batch in (1, 4, 16):
            shape = [batch, 3]
            graph = helper.make_graph(
                [helper.make_node("Mul", ["a", "b"], ["product"])],
                "multiplier",
                [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "ab"],
                [helper.make_tensor_value_info("product", TensorProto.FLOAT, shape)],
            )
            path = folder / f"model-{batch}.onnx"
            onnx.save(
                helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9), path
            )
            files[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
            microseconds = run_times and run_times[batch]
            how = {"engine": "onnxruntime", "entry": path.name, "options": {}, "instruction_sets": []}
            variants.append({"batch": batch, "microseconds": microseconds} | how)
        document = describe(
            version=2,
            inputs=[{"name": name, "shape": [-1, 3], "dtype": "float32"} for name in "ab"],
            outputs=[{"name": "product", "shape": [-1, 3], "dtype": "float32"}],
            variants=variants,
            files=files,
        )
        for name in ("engine", "entry", "options", "instruction_sets"):
            del document[name]
        (folder / "manifest.json").write_text(json.dumps(document | changes))
        return folder

    return write


@pytest.fixture
def packed(tmp_path):
    """Packs a folder into a `.tar.gz`."""

    def pack(folder):
        path = tmp_path / "model.tar.gz"
        with tarfile.open(path, "w:gz") as tar:
            tar.add(folder, arcname="")
        return path

    return pack
