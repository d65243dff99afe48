"""Checkpoints written without MXNet, and MXNet itself where it is installed."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ironworks.compiler.references.mxnet import MxnetReference

Array = np.ndarray[Any, Any]
CODES = {"float32": 0, "float64": 1, "float16": 2, "uint8": 3, "int32": 4, "int8": 5, "int64": 6}


def params_bytes(arrays: Mapping[str, Array]) -> bytes:
    """A parameter file in MXNet's layout of version 2."""
    data = struct.pack("<QQQ", 0x112, 0, len(arrays))
    for array in arrays.values():
        data += struct.pack("<Iii", 0xF993FAC9, 0, array.ndim) + struct.pack(f"<{array.ndim}q", *array.shape)
        data += struct.pack("<iii", 1, 0, CODES[array.dtype.name]) + array.tobytes()
    data += struct.pack("<Q", len(arrays))
    for name in arrays:
        data += struct.pack("<Q", len(name)) + name.encode()
    return data


class SymbolWriter:
    """Builds a symbol node by node and saves it with parameters."""

    def __init__(self) -> None:
        self.nodes: list[dict[str, Any]] = []

    def variable(self, name: str, **attributes: str) -> int:
        return self.node("null", name, [], attributes)

    def node(
        self, op: str, name: str, inputs: Sequence[int], attributes: Mapping[str, Any] | None = None
    ) -> int:
        texts = {key: str(value) for key, value in (attributes or {}).items()}
        entry = {"op": op, "name": name, "attrs": texts, "inputs": [[source, 0, 0] for source in inputs]}
        self.nodes.append(entry)
        return len(self.nodes) - 1

    def document(self, outputs: int = 1) -> dict[str, Any]:
        last = len(self.nodes) - 1
        return {
            "nodes": self.nodes,
            "arg_nodes": [index for index, node in enumerate(self.nodes) if node["op"] == "null"],
            "node_row_ptr": list(range(len(self.nodes) + 1)),
            "heads": [[last, output, 0] for output in range(outputs)],
            "attrs": {"mxnet_version": ["int", 10901]},
        }

    def save(self, folder: Path, parameters: Mapping[str, Array], outputs: int = 1, epoch: int = 0) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model-symbol.json").write_text(json.dumps(self.document(outputs)))
        prefixed = {
            f"{'aux' if '_moving_' in name else 'arg'}:{name}": array for name, array in parameters.items()
        }
        (folder / f"model-{epoch:04}.params").write_bytes(params_bytes(prefixed))
        return folder


@pytest.fixture
def symbol() -> SymbolWriter:
    return SymbolWriter()


def mlp_parameters(seed: int = 0) -> dict[str, Array]:
    random = np.random.default_rng(seed)
    sizes = {"fc1": (128, 784), "fc2": (64, 128), "fc3": (10, 64)}
    parameters = {}
    for name, (units, features) in sizes.items():
        parameters[f"{name}_weight"] = (random.standard_normal((units, features)) / features**0.5).astype(
            "f4"
        )
        parameters[f"{name}_bias"] = random.standard_normal(units).astype("f4")
    return parameters


def write_mlp(folder: Path, parameters: Mapping[str, Array] | None = None) -> Path:
    """The network of the reference notebook, with random weights."""
    writer = SymbolWriter()
    tensor = writer.node("Flatten", "flatten0", [writer.variable("data")])
    for layer, units in (("fc1", 128), ("fc2", 64), ("fc3", 10)):
        weights = [writer.variable(f"{layer}_weight"), writer.variable(f"{layer}_bias")]
        tensor = writer.node("FullyConnected", layer, [tensor, *weights], {"num_hidden": units})
        if layer != "fc3":
            tensor = writer.node("Activation", f"relu_{layer}", [tensor], {"act_type": "relu"})
    writer.node("SoftmaxOutput", "softmax", [tensor, writer.variable("softmax_label")])
    return writer.save(folder, mlp_parameters() if parameters is None else parameters)


@pytest.fixture
def mlp_without() -> Callable[[Path, Sequence[str]], Path]:
    """Writes the notebook's network without some of its parameters."""

    def write(folder: Path, missing: Sequence[str]) -> Path:
        return write_mlp(
            folder, {key: value for key, value in mlp_parameters().items() if key not in missing}
        )

    return write


@pytest.fixture
def mlp(tmp_path: Path) -> Path:
    return write_mlp(tmp_path / "mlp")


@pytest.fixture
def mlp_arrays() -> dict[str, Array]:
    return mlp_parameters()


@pytest.fixture(scope="session")
def mxnet_python() -> Path:
    """The interpreter of an environment with MXNet 1.9.1."""
    path = os.environ.get("IRONWORKS_TEST_MXNET_PYTHON")
    if not path:
        pytest.skip("IRONWORKS_TEST_MXNET_PYTHON does not name an interpreter with MXNet")
    return Path(path)


class MxnetOriginals(MxnetReference):
    """One MXNet process for many models."""

    def run_model(self, folder: Path, inputs: Mapping[str, Array]) -> list[Array]:
        self._model = folder
        self._shapes = {name: list(array.shape) for name, array in inputs.items()}
        self._version = ""
        return self.run(inputs)


@pytest.fixture(scope="session")
def originals(mxnet_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MxnetOriginals]:
    with MxnetOriginals(mxnet_python, tmp_path_factory.mktemp("unused"), {}) as process:
        yield process
