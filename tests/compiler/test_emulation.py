"""Models for other processors, compiled here and run under emulation."""

from __future__ import annotations

import shutil

import numpy as np
import onnx
import pytest
from tests.compiler.native.networks import graph, transformer

import ironworks
from ironworks.compiler import emulation
from ironworks.compiler.emulation import EmulatedModel, find_emulator
from ironworks.compiler.tensors import described_inputs
from ironworks.compiler.toolchain import NoCompiler, find_compiler
from ironworks.errors import PlatformError
from ironworks.runtime import ArtifactError, Manifest, Tensor, load

random = np.random.default_rng(0)


def numbers(*shape):
    return (random.standard_normal(shape) * 0.3).astype(np.float32)


def mlp():
    """The notebook's network."""
    layers = {"a": numbers(784, 128), "b": numbers(128), "c": numbers(128, 64), "d": numbers(64)}
    nodes = [
        ("Gemm", ["data", "a", "b"], "h", {}),
        ("Relu", ["h"], "hr", {}),
        ("Gemm", ["hr", "c", "d"], "i", {}),
        ("Relu", ["i"], "ir", {}),
        ("MatMul", ["ir", "e"], "j", {}),
        ("Softmax", ["j"], "y", {"axis": 1}),
    ]
    return graph(nodes, {"data": [1, 784]}, {**layers, "e": numbers(64, 10)})


def lenet():
    """Two convolutions with tanh, two dense layers."""
    constants = {
        "a": numbers(20, 1, 5, 5),
        "b": numbers(50, 20, 5, 5),
        "c": numbers(800, 500),
        "d": numbers(500, 10),
    }
    pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
    nodes = [
        ("Conv", ["data", "a"], "h", {}),
        ("Tanh", ["h"], "ht", {}),
        ("MaxPool", ["ht"], "hp", pool),
        ("Conv", ["hp", "b"], "i", {}),
        ("Tanh", ["i"], "it", {}),
        ("MaxPool", ["it"], "ip", pool),
        ("Flatten", ["ip"], "f", {}),
        ("MatMul", ["f", "c"], "j", {}),
        ("Tanh", ["j"], "jt", {}),
        ("MatMul", ["jt", "d"], "k", {}),
        ("Softmax", ["k"], "y", {"axis": 1}),
    ]
    return graph(nodes, {"data": [1, 1, 28, 28]}, constants)


def need(architecture):
    """Skip where the tools for it are not installed."""
    try:
        find_compiler(architecture)
        find_emulator(architecture)
    except (NoCompiler, PlatformError) as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("network", [mlp, lenet, transformer])
@pytest.mark.parametrize(("target", "architecture"), [("ml_c6g", "aarch64"), ("rasp3b", "armv7l")])
def test_an_arm_artifact_equals_the_original(target, architecture, network, tmp_path):
    need(architecture)
    onnx.save(network(), tmp_path / "model.onnx")
    lines = []
    artifact = ironworks.compile(
        tmp_path / "model.onnx", target=target, output=tmp_path / "out.tar.gz", progress=lines.append
    )
    (candidate,) = artifact.report.candidates
    assert candidate.label == "native" and candidate.dropped == "" and candidate.microseconds is None
    assert len(candidate.verification) >= 7
    assert max(item.relative for item in candidate.verification if item.inputs != "denormal") <= 1e-5
    assert lines[-1].endswith("not timed: it is for another machine")
    with pytest.raises(
        ArtifactError, match=f"was compiled for {target} .{architecture}. and this machine is"
    ):
        load(artifact.path)


def test_an_arm_artifact_of_several_batch_sizes_equals_the_original(tmp_path):
    need("aarch64")
    w = numbers(6, 3)
    onnx.save(graph([("MatMul", ["x", "w"], "y", {})], {"x": ["n", 6]}, {"w": w}), tmp_path / "model.onnx")
    artifact = ironworks.compile(
        tmp_path / "model.onnx", target="ml_c6g", output=tmp_path / "out.tar.gz", batch_sizes=[1, 5]
    )
    for batch in artifact.report.batches:
        assert batch.candidates[0].dropped == ""
        assert {comparison.rows for comparison in batch.candidates[0].verification} == {batch.size}


def test_the_accuracy_of_an_arm_artifact_is_that_on_the_first_examples(tmp_path):
    need("aarch64")
    onnx.save(mlp(), tmp_path / "model.onnx")
    shape = described_inputs(mlp())[0].shape
    data = np.random.default_rng(0).random((110, *shape[1:]), np.float32)
    labels = np.arange(110) % 10
    report = ironworks.compile(
        tmp_path / "model.onnx",
        target="rasp4b",
        output=tmp_path / "out.tar.gz",
        precision="auto",
        validate={described_inputs(mlp())[0].name: data, "labels": labels},
    ).report
    (candidate,) = report.candidates
    assert (report.validation.examples, candidate.validation.examples) == (110, 100)
    assert candidate.validation.accuracy == candidate.validation.original
    assert candidate.validation.changed == 0
    assert "on the first 100 examples" in candidate.note
    assert "aarch64" in report.precision.reason


def test_without_an_emulator_nothing_is_compiled(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    onnx.save(mlp(), tmp_path / "model.onnx")
    with pytest.raises(PlatformError, match="needs qemu-aarch64. Install QEMU's user mode"):
        ironworks.compile(tmp_path / "model.onnx", target="rasp4b", output=tmp_path / "out.tar.gz")
    assert not (tmp_path / "out.tar.gz").exists()


@pytest.fixture
def broken(tmp_path):
    """A library that is none."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.so").write_bytes(b"no library")
    tensor = Tensor("x", (1,), "float32")
    return Manifest("rasp4b", "aarch64", "native", "model.so", (tensor,), (tensor,)), folder


def test_a_library_that_does_not_load_says_so(broken):
    need("aarch64")
    with pytest.raises(PlatformError, match=r"qemu-aarch64.* failed \(1\): predict: .*model.so"):
        EmulatedModel(*broken).run({"x": np.zeros(1, np.float32)})


def test_an_emulation_that_hangs_is_ended(broken, monkeypatch):
    need("aarch64")
    model = EmulatedModel(*broken)
    monkeypatch.setattr(emulation, "_SECONDS", 0)
    with pytest.raises(PlatformError, match="did not end within"):
        model.run({"x": np.zeros(1, np.float32)})
