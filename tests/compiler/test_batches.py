"""One artifact for several batch sizes."""

from __future__ import annotations

import json
import tarfile
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from tests.compiler.native.networks import graph

import ironworks
from ironworks.compiler import MxnetReference, building, contest, pipeline, trials
from ironworks.compiler.backends import find_backend
from ironworks.compiler.batches import checked_sizes, common_graph, sample_of
from ironworks.errors import ClientError
from ironworks.runtime import load

random = np.random.default_rng(0)
WEIGHT = random.standard_normal((6, 3)).astype(np.float32)


def save(folder, nodes, batch="n", output=("n", 3)):
    """An ONNX file of x (n, 6) and a weight w (6, 3), that answers y."""
    model = helper.make_model(
        helper.make_graph(
            [helper.make_node(operator, names, [result], **rest) for operator, names, result, rest in nodes],
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 6])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, output)],
            [numpy_helper.from_array(WEIGHT, "w")],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    onnx.save(model, folder / "model.onnx")
    return folder / "model.onnx"


LINEAR = [("MatMul", ["x", "w"], "y", {})]


@pytest.fixture
def compile_batches(tmp_path):
    """Compiles for batches of 1, 4 and 9."""

    def run(model, shapes=None, **changes):
        arguments = {"output": tmp_path / "out.tar.gz", "batch_sizes": [9, 1, 4]}
        return ironworks.compile(model, shapes, **(arguments | changes))

    return run


@pytest.fixture
def only(monkeypatch):
    """Leaves one backend."""
    return lambda name: monkeypatch.setattr(building, "BACKENDS", (name,))


def names_in(artifact):
    with tarfile.open(artifact.path) as tar:
        return sorted(member.name for member in tar if member.isfile())


def check(model):
    """Any number of rows is answered as numpy does."""
    for rows in (1, 2, 4, 5, 9, 12, 30):
        x = random.standard_normal((rows, 6)).astype(np.float32)
        np.testing.assert_allclose(model.run(x)[0], x @ WEIGHT, atol=1e-5)


def test_one_artifact_runs_any_number_of_rows(compile_batches, tmp_path):
    artifact = compile_batches(save(tmp_path, LINEAR))
    model = artifact.load()
    assert model.batch_sizes == (1, 4, 9)
    assert [str(tensor) for tensor in (*model.inputs, *model.outputs)] == [
        "x [n, 6] float32",
        "y [n, 3] float32",
    ]
    check(model)


def test_every_batch_size_is_verified_and_timed(compile_batches, tmp_path):
    report = compile_batches(save(tmp_path, LINEAR)).report
    assert [batch.size for batch in report.batches] == [1, 4, 9]
    for batch in report.batches:
        assert batch.chosen in [candidate.label for candidate in batch.candidates]
        for candidate in batch.candidates:
            assert candidate.dropped == "" and candidate.microseconds > 0
            assert {comparison.rows for comparison in candidate.verification} == {batch.size}
    assert report.candidates == report.batches[0].candidates
    assert len(json.loads(report.to_json())["batches"]) == 3


def test_a_candidate_that_is_wrong_for_one_size_is_dropped_there_only(compile_batches, tmp_path, monkeypatch):
    def build(model, target, folder, options):
        spoiled = onnx.ModelProto()
        spoiled.CopyFrom(model)
        if model.graph.input[0].type.tensor_type.shape.dim[0].dim_value == 4:
            spoiled.graph.node.append(helper.make_node("Neg", ["y"], ["z"]))
            spoiled.graph.output[0].name = "z"
            spoiled.graph.node[0].output[0], spoiled.graph.node[1].input[0] = "h", "h"
            spoiled.graph.node[1].output[0] = spoiled.graph.output[0].name = "y"
        return find_backend("onnxruntime").build(spoiled, target, folder, options)

    native = find_backend("native")
    backends = {"native": native, "other": SimpleNamespace(build=build)}
    monkeypatch.setattr(building, "BACKENDS", tuple(backends))
    monkeypatch.setattr(building, "find_backend", backends.get)
    report = compile_batches(save(tmp_path, LINEAR)).report
    dropped = {batch.size: batch.candidates[-1].dropped for batch in report.batches}
    assert (dropped[1], dropped[9]) == ("", "")
    assert "off by" in dropped[4]


def test_the_native_library_has_a_variant_for_each_size_and_the_artifact_is_flat(
    compile_batches, tmp_path, only
):
    only("native")
    artifact = compile_batches(save(tmp_path, LINEAR))
    assert names_in(artifact) == ["manifest.json", "model.so", "report.html", "report.json"]
    check(artifact.load())


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_a_library_has_one_file_for_all_sizes(compile_batches, tmp_path, only, backend, monkeypatch):
    if backend == "openvino":
        pytest.importorskip("openvino")
        monkeypatch.setattr("ironworks.compiler.backends.openvino.worth_a_library", lambda *_: None)
    only(backend)
    artifact = compile_batches(save(tmp_path, LINEAR))
    files = {"onnxruntime": ["model.onnx"], "openvino": ["model.bin", "model.xml"]}[backend]
    assert names_in(artifact) == ["manifest.json", *files, "report.html", "report.json"]
    check(artifact.load())


def test_a_graph_that_has_the_number_of_rows_written_down_gets_a_file_a_size(
    compile_batches, symbol, tmp_path, only
):
    only("onnxruntime")
    rows = symbol.node("Reshape", "rows", [symbol.variable("data")], {"shape": (0, 6)})
    symbol.node("FullyConnected", "fc", [rows, symbol.variable("w")], {"num_hidden": 3, "no_bias": True})
    artifact = compile_batches(symbol.save(tmp_path / "m", {"w": WEIGHT.T.copy()}), {"data": [1, 2, 3]})
    assert [name for name in names_in(artifact) if name.endswith(".onnx")] == [
        f"onnxruntime-{number}/model.onnx" for number in (1, 2, 3)
    ]
    check(artifact.load())


def test_each_size_has_its_own_winner(compile_batches, tmp_path, monkeypatch):
    def timed(trials, draws):
        rows = len(draws[0].inputs["x"])
        best = "native" if rows == 4 else "onnxruntime"
        return [replace(t, microseconds=rows * (1.0 if t.candidate.engine == best else 2.0)) for t in trials]

    monkeypatch.setattr(contest, "time_trials", timed)
    monkeypatch.setattr(pipeline, "time_winners", lambda winners, inputs: winners)
    artifact = compile_batches(save(tmp_path, LINEAR))
    assert [batch.chosen for batch in artifact.report.batches] == [
        "onnxruntime (optimization all)",
        "native",
        "onnxruntime (optimization all)",
    ]
    assert names_in(artifact) == [
        "manifest.json",
        "native/model.so",
        "onnxruntime/model.onnx",
        "report.html",
        "report.json",
    ]
    model = artifact.load()
    assert [(variant.batch, variant.entry, variant.microseconds) for variant in model.manifest.variants] == [
        (1, "onnxruntime/model.onnx", 1.0),
        (4, "native/model.so", 4.0),
        (9, "onnxruntime/model.onnx", 9.0),
    ]
    assert {"ironworks", "onnxruntime", "compiler"} <= set(model.manifest.versions)
    check(model)


def test_the_winners_of_all_sizes_are_timed_against_each_other(compile_batches, tmp_path, monkeypatch):
    timed = []

    def minima(calls):
        timed.append([len(call()[0]) for call in calls])
        return [1.5, 2.5, 3.5]

    monkeypatch.setattr(trials, "interleaved_minima", minima)
    model = compile_batches(save(tmp_path, LINEAR)).load()
    assert timed == [[1, 4, 9]]
    assert [variant.microseconds for variant in model.manifest.variants] == [1.5, 2.5, 3.5]


def test_one_size_alone_takes_any_number_of_rows_as_well(compile_batches, tmp_path):
    model = compile_batches(save(tmp_path, LINEAR), batch_sizes=[4]).load()
    assert model.batch_sizes == (4,)
    check(model)


def test_a_checkpoint_equals_mxnet_at_every_size(compile_batches, mlp, mxnet_python):
    with MxnetReference(mxnet_python, mlp, {"data": [1, 784]}) as original:
        artifact = compile_batches(mlp, {"data": [1, 784]}, reference=original)
        images = random.random((7, 784), np.float32)
        expected = np.vstack([original.run({"data": image[None]})[0] for image in images])
    assert artifact.report.reference == "MXNet 1.9.1"
    assert all(batch.reference_microseconds > 0 for batch in artifact.report.batches)
    np.testing.assert_allclose(artifact.load().run(images)[0], expected, atol=1e-5)


def test_samples_are_repeated_to_fill_a_batch(compile_batches, tmp_path):
    np.testing.assert_array_equal(sample_of({"x": np.array([[1], [2]])}, 5)["x"], [[1], [2], [1], [2], [1]])
    sample = {"x": np.ones((1, 6), np.float32)}
    report = compile_batches(save(tmp_path, LINEAR), samples=[sample]).report
    for batch in report.batches:
        assert "sample" in {comparison.inputs for comparison in batch.candidates[0].verification}


def test_a_model_whose_rows_influence_each_other_is_refused(compile_batches, tmp_path):
    nodes = [("MatMul", ["x", "w"], "h", {}), ("Softmax", ["h"], "y", {"axis": 0})]
    with pytest.raises(ClientError, match=r"Rows of a batch influence each other: the output y .* by 0\."):
        compile_batches(save(tmp_path, nodes))
    assert not (tmp_path / "out.tar.gz").exists()


def test_an_output_without_a_row_for_each_is_refused(compile_batches, tmp_path):
    nodes = [("MatMul", ["x", "w"], "h", {}), ("ReduceMean", ["h"], "y", {"axes": [0], "keepdims": 1})]
    with pytest.raises(ClientError, match=r"output y \[1, 3\] float32 has not one row .* of the 4 rows"):
        compile_batches(save(tmp_path, nodes, output=(1, 3)))


def test_a_file_that_fixes_its_batch_size_is_refused(compile_batches, tmp_path):
    with pytest.raises(
        ClientError, match=r"cannot take batches of 4\. .* \[4, 6\], and the model takes \[1, 6\]"
    ):
        compile_batches(save(tmp_path, LINEAR, batch=1, output=(1, 3)))


@pytest.mark.parametrize("sizes", [[0], [-1], [True], [1, 1], [1.5], [1 << 17], list(range(1, 18))])
def test_batch_sizes_that_are_none_are_refused(sizes):
    with pytest.raises(ClientError, match="batch size"):
        checked_sizes(sizes)


def test_a_common_graph_is_made_only_of_graphs_that_differ_in_nothing_else():
    first, second, other = (
        graph([(operator, ["x"], "y", {})], {"x": [rows, 2]})
        for operator, rows in (("Relu", 1), ("Relu", 3), ("Abs", 3))
    )
    common = common_graph([first, second])
    assert common is not None
    assert common.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "ironworks_rows"
    assert common_graph([first, other]) is None


def test_an_artifact_of_one_shape_is_as_it_was(tmp_path):
    artifact = ironworks.compile(save(tmp_path, LINEAR), {"x": [2, 6]}, output=tmp_path / "out.tar.gz")
    with tarfile.open(artifact.path) as tar:
        manifest = json.load(tar.extractfile("manifest.json"))
    assert manifest["version"] == 1 and "variants" not in manifest
    model = load(artifact.path)
    assert model.batch_sizes == () and model.inputs[0].shape == (2, 6)
    assert artifact.report.batches == []
    with pytest.raises(ValueError, match="takes 12 numbers"):
        model.run(np.ones((3, 6)))
