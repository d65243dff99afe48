"""Whole compilations."""

from __future__ import annotations

import json
import tarfile
from types import SimpleNamespace

import numpy as np
import onnx
import pytest

from ironworks.compiler import MxnetReference, building, compile_model, trials
from ironworks.compiler.backends import BACKENDS, BackendSkipped, Candidate, find_backend
from ironworks.compiler.options import CompileOptions
from ironworks.errors import ClientError, PlatformError
from ironworks.runtime import load

SHAPES = {"data": [1, 784]}


@pytest.fixture
def compile_mlp(mlp, tmp_path):
    def run(**changes):
        arguments = {
            "framework": "MXNET",
            "input_shapes": SHAPES,
            "target": "ml_c5",
            "output": tmp_path / "model-ml_c5.tar.gz",
            "name": "s3://bucket/model.tar.gz",
        }
        return compile_model(mlp, **(arguments | changes))

    return run


class Wrong:
    """An original that answers something else than the model computes."""

    name = "wrong"

    def run(self, inputs):
        return [np.eye(1, 10, dtype=np.float32)]

    def microseconds(self, inputs):
        return None


def test_the_notebooks_network_equals_mxnet(compile_mlp, mlp, mxnet_python, tmp_path):
    with MxnetReference(mxnet_python, mlp, SHAPES) as original:
        report = compile_mlp(reference=original)
        model = load(tmp_path / "model-ml_c5.tar.gz")
        images = np.random.default_rng(1).random((200, 1, 784), np.float32)
        expected = np.vstack([original.run({"data": image})[0] for image in images])
    found = np.vstack([model.run(image)[0] for image in images])
    assert report.reference == "MXNet 1.9.1"
    assert report.reference_microseconds > 0
    assert (found.argmax(1) == expected.argmax(1)).all()
    assert np.abs(found - expected).max() <= 1e-5


def test_the_artifact_has_manifest_report_and_compiled_files_only(compile_mlp, mlp, tmp_path):
    (mlp / "code").mkdir()
    compile_mlp()
    with tarfile.open(tmp_path / "model-ml_c5.tar.gz") as tar:
        assert tar.getnames() == ["manifest.json", "model.so", "report.html", "report.json"]
        manifest = json.load(tar.extractfile("manifest.json"))
    assert manifest["target"] == "ml_c5"
    assert manifest["inputs"] == [{"name": "data", "shape": [1, 784], "dtype": "float32"}]
    assert manifest["outputs"] == [{"name": "softmax_output", "shape": [1, 10], "dtype": "float32"}]
    assert set(manifest["files"]) == {"model.so", "report.html", "report.json"}
    assert {"ironworks", "compiler"} == set(manifest["versions"])
    assert manifest["instruction_sets"] == ["x86-64-v3", "x86-64-v4"]


def test_the_report_tells_what_was_done(compile_mlp, tmp_path):
    lines = []
    report = compile_mlp(progress=lines.append)
    assert report.operators == {"Flatten": 1, "FullyConnected": 3, "Activation": 2, "SoftmaxOutput": 1}
    assert report.passes["drop_identity"] == 1
    assert report.nodes == (7, 6)
    assert report.reference.startswith("ONNX ")
    assert [candidate.label for candidate in report.candidates] == [
        "native",
        "onnxruntime (optimization all)",
    ]
    assert report.chosen == "native"
    assert set(report.skipped) == {"trees", "openvino", "ncnn", "mnn", "litert"}
    assert report.candidates[0].microseconds > 0
    assert report.candidates[0].largest_error <= 1e-5
    assert set(report.seconds) == {"import", "passes", "build", "verify", "time"}
    assert lines[0] == "Importing the MXNET model"
    with tarfile.open(tmp_path / "model-ml_c5.tar.gz") as tar:
        assert json.load(tar.extractfile("report.json")) == json.loads(report.to_json())


def test_a_softmax_at_the_end_is_pointed_out(compile_mlp):
    (finding,) = compile_mlp().findings
    assert "softmax_output ends in a softmax" in finding
    assert "of 10 classes a certain one then reads 0.232" in finding


def test_shipped_samples_are_verified_too(compile_mlp):
    report = compile_mlp(samples=[{"data": np.ones((1, 784), np.float32)}])
    assert "sample" in {comparison.inputs for comparison in report.candidates[0].verification}


@pytest.fixture
def with_backend(monkeypatch):
    """Add a backend that builds with a function."""

    def add(build):
        monkeypatch.setattr(building, "BACKENDS", (*BACKENDS, "another"))
        another = SimpleNamespace(build=build)
        monkeypatch.setattr(
            building, "find_backend", lambda name: another if name == "another" else find_backend(name)
        )

    return add


def test_a_candidate_that_differs_is_dropped_and_reported(compile_mlp, with_backend, tmp_path):
    def wrong(model, target, folder, options):
        spoiled = onnx.ModelProto()
        spoiled.CopyFrom(model)
        spoiled.graph.node[1].op_type = "Tanh"
        return find_backend("onnxruntime").build(spoiled, target, folder, options)

    with_backend(wrong)
    report = compile_mlp()
    bad = report.candidates[-1]
    assert report.candidates[0].dropped == ""
    assert bad.dropped.startswith("its output softmax_output is off by")
    assert bad.microseconds is None
    load(tmp_path / "model-ml_c5.tar.gz")


def test_a_candidate_that_does_not_load_is_dropped_and_reported(compile_mlp, with_backend):
    def broken(model, target, folder, options):
        (folder / "model.onnx").write_bytes(b"nothing")
        return [Candidate("onnxruntime", {}, folder, "model.onnx", (), {})]

    with_backend(broken)
    assert "cannot open the model" in compile_mlp().candidates[-1].dropped


def test_a_backend_that_is_skipped_is_reported_with_its_reason(compile_mlp, with_backend):
    def absent(model, target, folder, options):
        raise BackendSkipped("it is not installed")

    with_backend(absent)
    lines = []
    assert compile_mlp(progress=lines.append).skipped["another"] == "it is not installed"
    assert "The backend another is skipped: it is not installed" in lines


def test_a_candidate_that_fails_while_it_runs_is_dropped_and_reported(compile_mlp, monkeypatch):
    def fail(*_):
        raise RuntimeError("out of order")

    monkeypatch.setattr(trials, "compare", fail)
    with pytest.raises(PlatformError, match="out of order"):
        compile_mlp()


def test_no_equal_candidate_is_the_platforms_failure_and_writes_nothing(compile_mlp, tmp_path):
    with pytest.raises(
        PlatformError,
        match=r"No build of the model is equal to the original. native: .*off by .*onnxruntime \(.*off by",
    ):
        compile_mlp(reference=Wrong())
    assert not (tmp_path / "model-ml_c5.tar.gz").exists()


def test_an_unknown_target_and_framework_are_refused_before_any_work(compile_mlp):
    with pytest.raises(ClientError, match="cannot compile for ml_inf1 yet: it needs"):
        compile_mlp(target="ml_inf1")
    with pytest.raises(ClientError, match="XGBOOST cannot be compiled yet"):
        compile_mlp(framework="XGBOOST")


def test_a_convolutional_network_has_a_candidate_a_level_and_folds_its_norms(symbol, tmp_path):
    data = symbol.variable("data")
    conv = symbol.node("Convolution", "conv", [data, symbol.variable("conv_weight")],
                       {"kernel": (3, 3), "num_filter": 4, "no_bias": True})  # fmt: skip
    names = ("bn_gamma", "bn_beta", "bn_moving_mean", "bn_moving_var")
    symbol.node("BatchNorm", "bn", [conv, *(symbol.variable(name) for name in names)], {"fix_gamma": False})
    random = np.random.default_rng(0)
    weights = {"conv_weight": random.standard_normal((4, 3, 3, 3)).astype("f4")}
    parameters = weights | {name: (random.random(4) + 0.5).astype("f4") for name in names}
    report = compile_model(
        symbol.save(tmp_path / "model", parameters),
        framework="MXNET",
        input_shapes={"data": [1, 3, 8, 8]},
        target="ml_m5",
        output=tmp_path / "out.tar.gz",
        name="model",
    )
    assert report.passes["fold_batch_norm"] == 1
    assert [candidate.dropped for candidate in report.candidates] == ["", "", ""]
    assert report.findings == []


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_model_of_any_precision_with_indices_and_two_outputs_equals_mxnet(
    mxnet_python, symbol, tmp_path, dtype
):
    sources = [symbol.variable("data", __dtype__="4"), symbol.variable("rows_weight")]
    rows = symbol.node("Embedding", "rows", sources, {"input_dim": 5, "output_dim": 3})
    symbol.node("SliceChannel", "parts", [rows], {"num_outputs": 2, "axis": 1})
    table = np.random.default_rng(0).standard_normal((5, 3)).astype(dtype)
    folder = symbol.save(tmp_path / "model", {"rows_weight": table}, outputs=2)
    with MxnetReference(mxnet_python, folder, {"data": [1, 4]}) as original:
        report = compile_model(
            folder,
            framework="MXNET",
            input_shapes={"data": [1, 4]},
            target="ml_c4",
            output=tmp_path / "out.tar.gz",
            name="model",
            reference=original,
        )
    precision = "float64" if dtype == "float64" else "float32"
    assert list(map(str, report.inputs)) == ["data [1, 4] int32"]
    assert list(map(str, report.outputs)) == [f"parts_output{part} [1, 2, 3] {precision}" for part in (0, 1)]
    assert report.candidates[0].dropped == ""


def test_an_onnx_model_compiles(tmp_path):
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    value = lambda name: onnx.helper.make_tensor_value_info(name, 1, ["n", 3])  # noqa: E731
    graph = onnx.helper.make_graph([node], "g", [value("x")], [value("y")])
    (tmp_path / "model").mkdir()
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(
        onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), tmp_path / "model" / "net.onnx"
    )
    compile_model(
        tmp_path / "model",
        framework="ONNX",
        input_shapes={"x": [2, 3]},
        target="ml_m4",
        output=tmp_path / "out.tar.gz",
        name="model",
    )
    np.testing.assert_array_equal(load(tmp_path / "out.tar.gz").run([[-1, 2, -3]] * 2)[0], [[0, 2, 0]] * 2)


def test_an_input_that_numpy_has_no_numbers_for_is_refused(tmp_path):
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    value = lambda name: onnx.helper.make_tensor_value_info(name, onnx.TensorProto.STRING, [3])  # noqa: E731
    graph = onnx.helper.make_graph([node], "g", [value("x")], [value("y")])
    (tmp_path / "model").mkdir()
    onnx.save(onnx.helper.make_model(graph), tmp_path / "model" / "net.onnx")
    with pytest.raises(ClientError, match="input or output x has the dtype"):
        compile_model(
            tmp_path / "model",
            framework="ONNX",
            input_shapes={"x": [3]},
            target="ml_m4",
            output=tmp_path / "out.tar.gz",
            name="model",
        )


def test_importing_the_room_loads_no_onnx():
    import subprocess
    import sys

    script = "import sys, ironworks.compiler, ironworks.compiler.targets; sys.exit('onnx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_backend_that_fails_on_a_model_leaves_it_to_the_others(mlp, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise IndexError("tuple index out of range")

    monkeypatch.setattr(find_backend("native"), "build", fail)
    report = compile_model(
        mlp,
        framework="MXNET",
        input_shapes={"data": [1, 784]},
        target="ml_c5",
        output=tmp_path / "out.tar.gz",
        name="model",
    )
    assert report.chosen.startswith("onnxruntime")
    assert (
        "it failed with IndexError('tuple index out of range'); please report the model"
        in report.skipped["native"]
    )


def test_candidates_for_several_threads_are_timed_on_one_as_well(mlp, tmp_path, monkeypatch):
    monkeypatch.setattr(building, "BACKENDS", ("native", "onnxruntime"))

    def compiled(timing):
        monkeypatch.setattr(trials, "interleaved_medians", timing)
        output = tmp_path / "out.tar.gz"
        report = compile_model(
            mlp,
            framework="MXNET",
            input_shapes={"data": [1, 784]},
            target="ml_c5",
            output=output,
            name="model",
            options=CompileOptions(threads=2),
        )
        return report, load(output).manifest

    report, manifest = compiled(lambda calls: [float(number) for number in range(1, len(calls) + 1)])
    labels = [candidate.label for candidate in report.candidates]
    assert labels == [
        "native",
        "onnxruntime (optimization all)",
        "onnxruntime (optimization all, spinning run)",
        "native (threads 1)",
        "onnxruntime (optimization all, threads 1)",
    ]
    assert (report.threads, report.chosen, manifest.threads) == (2, "native", 2)
    report, manifest = compiled(lambda calls: [4.0, 3.0, 5.0, 1.0, 2.0])
    assert (report.chosen, manifest.threads) == ("native (threads 1)", 1)
