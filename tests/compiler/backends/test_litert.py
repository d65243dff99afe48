"""LiteRT's backend: what its converter makes is what the graph says, or it says why not."""

from __future__ import annotations

import os
import sys
from importlib.metadata import PackageNotFoundError
from importlib.util import find_spec

import numpy as np
import onnx
import pytest
from tests.compiler.backends.test_libraries import network, numbers
from tests.compiler.native.networks import TARGET, close, expected, graph

from ironworks.compiler.backends import BackendSkipped, BuildOptions, describe, litert
from ironworks.compiler.targets import Target
from ironworks.compiler.tensors import described_inputs, described_outputs
from ironworks.runtime import CompiledModel, engines

CONVERTER = os.environ.get(litert.CONVERTER)
installed = pytest.mark.skipif(
    not CONVERTER or find_spec("ai_edge_litert") is None,
    reason=f"LiteRT is not installed, or {litert.CONVERTER} does not name its converter's interpreter",
)


@pytest.fixture
def converter(tmp_path, monkeypatch):
    """Writes a program in place of the converter's interpreter; LiteRT counts as installed."""
    monkeypatch.setattr(litert, "version", lambda name: "2.3.0")
    path = tmp_path / "python"

    def write(text):
        path.write_text(f"#!{sys.executable}\nimport sys, time\n{text}\n")
        path.chmod(0o755)
        monkeypatch.setenv(litert.CONVERTER, str(path))

    return write


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "built"
    path.mkdir()
    return path


def build(folder, model=None, target=TARGET):
    return litert.build(model or network(), target, folder, BuildOptions())


def attention():
    """Reshape, as exporters write it, with a 0 and a -1; operators of opset 20."""
    return graph(
        [
            ("MatMul", ["data", "w"], "m", {}),
            ("Reshape", ["m", "split"], "r", {}),
            ("Transpose", ["r"], "t", {"perm": [0, 2, 1, 3]}),
            ("ReduceMean", ["t", "axis"], "y", {"keepdims": 0}),
        ],
        {"data": [1, 64, 96]},
        {"w": numbers(96, 128), "split": np.array([0, 0, 4, -1]), "axis": np.array([2])},
    )


@installed
@pytest.mark.parametrize("model", [network(), network(batch=4), attention()], ids=["1", "4", "attention"])
def test_what_is_converted_equals_the_graph(model, folder):
    (candidate,) = build(folder, model)
    assert [path.name for path in folder.iterdir()] == ["model.tflite"]
    assert set(candidate.versions) == {"ai-edge-litert", "litert-torch"}
    manifest = describe(candidate, TARGET, described_inputs(model), described_outputs(model))
    x = numbers(*manifest.inputs[0].shape, scale=1)
    close(CompiledModel(manifest, engines.start(manifest, folder, 1)).run(x)[0], expected(model, x), 1e-5)


@installed
def test_what_the_converter_does_not_know_is_named(folder):
    model = network()
    model.graph.node.append(onnx.helper.make_node("Mystery", ["y"], ["z"], domain="nowhere"))
    model.graph.output[0].name = "z"
    model.opset_import.append(onnx.helper.make_opsetid("nowhere", 1))
    with pytest.raises(BackendSkipped, match="LiteRT's converter cannot convert the model: .*Mystery"):
        build(folder, model)


def test_a_model_that_it_does_not_run_is_skipped(converter, folder):
    converter("open(sys.argv[4], 'w').write('nothing that it knows'); print('0.10.0')")
    with pytest.raises(BackendSkipped, match="LiteRT 2.3.0 does not run the model: "):
        build(folder)


def test_without_its_converter_it_says_how_to_get_one(converter, folder, monkeypatch):
    monkeypatch.delenv(litert.CONVERTER, raising=False)
    with pytest.raises(BackendSkipped, match="its converter is not there; .* set IRONWORKS_LITERT_PYTHON"):
        build(folder)


def test_a_library_that_is_not_installed_says_how_to_get_it(folder, monkeypatch):
    def absent(package):
        raise PackageNotFoundError(package)

    monkeypatch.setattr(litert, "version", absent)
    with pytest.raises(BackendSkipped, match="it is not installed; pip install ai-edge-litert"):
        build(folder)


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("sys.exit('Mystery is not known')", "cannot convert the model: Mystery is not known"),
        ("sys.exit(1)", "cannot convert the model: no message"),
        ("print('0.10.0')", "cannot convert the model: 0.10.0"),
        ("time.sleep(60)", "did not convert the model: .* timed out"),
    ],
)
def test_a_converter_that_fails_skips_the_library(program, reason, converter, folder, monkeypatch):
    monkeypatch.setattr(litert, "_SECONDS", 1)
    converter(program)
    with pytest.raises(BackendSkipped, match=reason):
        build(folder)
    assert not (folder / "model.onnx").exists()


def test_a_converter_that_is_not_there_skips_the_library(converter, folder, monkeypatch):
    monkeypatch.setenv(litert.CONVERTER, str(folder / "nowhere"))
    with pytest.raises(BackendSkipped, match="did not convert the model: .*nowhere"):
        build(folder)


def test_what_it_is_not_tried_for(converter, folder):
    with pytest.raises(BackendSkipped, match="the target is aarch64"):
        build(folder, target=Target("arm", "aarch64", (), 1))
    with pytest.raises(BackendSkipped, match="less time than a call of LiteRT"):
        build(folder, network(size=4))
    model = network()
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8
    with pytest.raises(BackendSkipped, match="inputs of float32, int32 and int64"):
        build(folder, model)
