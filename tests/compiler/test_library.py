"""`ironworks.compile`."""

from __future__ import annotations

import tarfile

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import ironworks
from ironworks.errors import ClientError


def double(folder, shape=(1, 3), name="double.onnx"):
    """A model that gives twice its input."""
    node = helper.make_node("Mul", ["x", "two"], ["y"])
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)]
    two = numpy_helper.from_array(np.full((1,), 2, np.float32), "two")
    graph = helper.make_graph([node], "double", inputs, outputs, [two])
    path = folder / name
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_an_onnx_file_compiles_to_something_that_runs(tmp_path):
    lines = []
    artifact = ironworks.compile(
        double(tmp_path), output=tmp_path / "new" / "x.tar.gz", progress=lines.append
    )
    answer = artifact.load().run(np.float32([[1, 2, 3]]))[0]
    np.testing.assert_array_equal(answer, [[2, 4, 6]])
    np.testing.assert_array_equal(ironworks.load(artifact.path).run(np.float32([[1, 2, 3]]))[0], answer)
    assert artifact.report.framework == "ONNX"
    assert any(line.startswith("Verifying") for line in lines)


def test_the_artifact_is_named_after_the_model_and_the_target(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert ironworks.compile(double(tmp_path), target="ml_c5").path.name == "double-ml_c5.tar.gz"
    assert (tmp_path / "double-ml_c5.tar.gz").exists()


def test_a_checkpoint_is_given_by_its_folder_its_symbol_or_an_archive(mlp, tmp_path):
    archive = tmp_path / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for path in mlp.iterdir():
            tar.add(path, path.name)
    x, answers = np.random.default_rng(0).random((1, 784), np.float32), []
    for number, model in enumerate([mlp, mlp / "model-symbol.json", archive]):
        artifact = ironworks.compile(model, {"data": [1, 784]}, output=tmp_path / f"{number}.tar.gz")
        assert artifact.report.framework == "MXNET"
        answers.append(artifact.load().run(x)[0])
    for answer in answers:
        np.testing.assert_allclose(answer, answers[0], atol=1e-6)


def test_open_sizes_have_to_be_given(tmp_path):
    model = double(tmp_path, ("batch", 3))
    with pytest.raises(ClientError, match=r"open: x \['\?', 3\]\. A compiled model has fixed shapes"):
        ironworks.compile(model, output=tmp_path / "x.tar.gz")
    artifact = ironworks.compile(model, {"x": [2, 3]}, output=tmp_path / "x.tar.gz")
    assert artifact.load().inputs[0].shape == (2, 3)


def test_a_checkpoint_without_shapes_is_refused(mlp):
    with pytest.raises(ClientError, match="does not say what shapes"):
        ironworks.compile(mlp)


def test_a_path_without_a_model_is_refused(tmp_path):
    with pytest.raises(ClientError, match="There is no model at"):
        ironworks.compile(tmp_path / "none.onnx")
    with pytest.raises(ClientError, match="has no model"):
        ironworks.compile(tmp_path)


def test_a_folder_with_two_models_asks_which(mlp):
    double(mlp)
    with pytest.raises(ClientError, match="models of several frameworks"):
        ironworks.compile(mlp, {"data": [1, 784]})


def test_a_file_that_is_no_onnx_model_is_refused(tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"hello")
    with pytest.raises(ClientError, match="x.onnx is not a valid ONNX model"):
        ironworks.compile(tmp_path / "x.onnx", {"x": [1]})
