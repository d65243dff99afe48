"""Whole compilations with labelled data and in reduced precision."""

from __future__ import annotations

import json
import tarfile

import numpy as np
import onnx
import onnxruntime
import pytest
from tests.compiler.native.networks import graph

import ironworks
from ironworks.compiler import MxnetReference, building, compile_model
from ironworks.compiler.options import CompileOptions
from ironworks.compiler.validation.accuracy import Examination
from ironworks.errors import ClientError


@pytest.fixture
def compile_(tmp_path, monkeypatch):
    """Compiles a graph; keyword arguments as `ironworks.compile` has them."""

    # The other libraries have no reduced precision, and convert for seconds.
    monkeypatch.setattr(building, "BACKENDS", ("native", "onnxruntime", "openvino"))

    def run(model, **options):
        onnx.save(model, tmp_path / "model.onnx")
        return ironworks.compile(tmp_path / "model.onnx", output=tmp_path / "out.tar.gz", **options)

    return run


def original(model):
    """The graph as it is, run by ONNX Runtime without optimisation."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return lambda batch: session.run(None, {"data": batch})


def answers(run, data, batch):
    return np.vstack([run(data[start : start + batch])[0] for start in range(0, len(data), batch)])


def by_precision(report):
    return {candidate.precision: candidate for candidate in report.candidates if not candidate.dropped}


def test_the_notebooks_network_keeps_its_accuracy_on_mnist(compile_, digits):
    model, validation, calibration = digits
    artifact = compile_(model, precision="auto", validate=validation, calibrate=calibration)
    report = artifact.report
    labels = validation["labels"]
    before = answers(original(model), validation["data"], 1)
    assert report.validation.examples == 10_000
    assert report.validation.accuracy == pytest.approx((before.argmax(1) == labels).mean(), abs=1e-4)
    assert report.validation.accuracy > 0.93
    found = answers(artifact.load().run, validation["data"], 1)
    assert (found.argmax(1) == labels).mean() >= report.validation.accuracy
    (taken,) = [candidate for candidate in report.candidates if candidate.label == report.chosen]
    assert taken.validation.accuracy == (found.argmax(1) == labels).mean()
    assert taken.validation.changed == pytest.approx((found.argmax(1) != before.argmax(1)).sum(), abs=1)
    int8 = by_precision(report)["int8"].validation
    assert abs(int8.accuracy - report.validation.accuracy) < 0.005
    assert 0 < int8.changed < 100 and 1e-3 < int8.largest_difference < 0.3


def test_every_candidate_is_graded_on_every_example_of_a_batch_that_is_not_full(compile_, clusters):
    model, validation = clusters
    data, labels = validation["data"][:599], validation["labels"][:599]
    report = compile_(model, validate={"data": data, "labels": np.eye(10)[labels]}).report
    padded = np.vstack([data, data[-1:]])
    before = answers(original(model), padded, 4)[:599]
    assert report.validation.examples == 599 and report.validation.output == "y"
    assert report.validation.accuracy == (before.argmax(1) == labels).mean() > 0.5
    for candidate in report.candidates:
        assert candidate.validation.accuracy == report.validation.accuracy
        assert candidate.validation.changed == 0 and candidate.validation.largest_difference < 1e-4
    assert {"validate", "verify"} <= set(report.seconds)
    assert "sample" in {item.inputs for item in report.candidates[0].verification}


def test_int8_is_compiled_and_compared_in_its_own_tolerance(compile_, clusters):
    model, validation = clusters
    artifact = compile_(model, precision="int8", validate=validation, tolerance="int8=0.2")
    report = artifact.report
    assert report.tolerances["int8"] == 0.2 and report.tolerances["float32"] == 1e-5
    assert report.precision.asked == "int8" and report.precision.chosen in ("int8", "int8-weights")
    assert report.precision.calibrated_with == "150 batches of the validation data"
    assert f"{report.validation.accuracy:.4f} before" in report.precision.reason
    candidates = by_precision(report)
    assert set(candidates) == {"f32", "int8", "int8-weights"}
    (taken,) = [candidate for candidate in report.candidates if candidate.label == report.chosen]
    assert f"{taken.validation.accuracy:.4f} after" in report.precision.reason
    for comparison in candidates["int8"].verification:
        assert comparison.inputs == "sample" and comparison.allowed >= 0.2 * comparison.absolute
    found = answers(artifact.load().run, validation["data"], 4)
    assert (found.argmax(1) == validation["labels"]).mean() == taken.validation.accuracy
    with tarfile.open(artifact.path) as tar:
        manifest = json.load(tar.extractfile("manifest.json"))
        written = json.load(tar.extractfile("report.json"))
    assert manifest["options"]["precision"] == report.precision.chosen
    assert written["precision"]["chosen"] == report.precision.chosen
    assert written["validation"]["accuracy"] == report.validation.accuracy


def test_outside_its_tolerance_int8_is_compiled_and_the_report_says_so(compile_, clusters):
    model, validation = clusters
    tolerance = {"int8": 1e-6, "int8-weights": 1e-6}
    report = compile_(model, precision="int8", validate=validation, tolerance=tolerance).report
    assert "it is outside the tolerance of its precision: its output y is off by" in report.precision.reason
    assert all(candidate.note for candidate in report.candidates if candidate.precision != "f32")


def test_auto_takes_what_loses_nothing(compile_, clusters):
    model, validation = clusters
    report = compile_(model, precision="auto", validate=validation).report
    (taken,) = [candidate for candidate in report.candidates if candidate.label == report.chosen]
    assert report.precision.chosen == taken.precision
    assert taken.validation.accuracy >= report.validation.accuracy
    full = [item.microseconds for item in report.candidates if item.precision == "f32" and not item.dropped]
    assert taken.microseconds <= min(full)
    assert taken.precision == "f32" or taken.microseconds < 0.95 * min(full)


def test_auto_refuses_every_candidate_that_answers_otherwise(compile_, clusters):
    model, validation = clusters
    model_answers = answers(original(model), validation["data"], 4)
    own = {"data": validation["data"], "labels": model_answers.argmax(1)}
    report = compile_(model, precision="auto", validate=own).report
    assert report.validation.accuracy == 1
    for candidate in report.candidates:
        if candidate.validation and candidate.validation.changed:
            assert candidate.validation.accuracy < 1 and candidate.label != report.chosen
    assert any(item.validation and item.validation.changed for item in report.candidates)


def test_auto_without_labelled_data_is_float32(compile_, clusters):
    model, validation = clusters
    report = compile_(model, precision="auto", calibrate={"data": validation["data"]}).report
    assert {candidate.precision for candidate in report.candidates} == {"f32"}
    assert report.precision.chosen == "f32"
    assert report.precision.reason.startswith("float32, because there is no validation data")


def test_float32_is_the_default_and_needs_no_reason(compile_, clusters):
    report = compile_(clusters[0]).report
    assert (report.precision.asked, report.precision.chosen, report.precision.reason) == ("f32", "f32", "")
    assert report.validation is None and "validate" not in report.seconds


def test_a_tighter_tolerance_drops_what_was_equal(compile_, clusters):
    model, _ = clusters
    with pytest.raises(
        ironworks.errors.PlatformError, match="No build of the model is equal to the original"
    ):
        compile_(model, tolerance=0)


def test_a_file_of_labelled_data_is_read(compile_, clusters, tmp_path):
    model, validation = clusters
    np.savez(tmp_path / "data.npz", **validation)
    report = compile_(model, validate=tmp_path / "data.npz").report
    assert report.validation.examples == 600
    np.savez(tmp_path / "data.npz", data=validation["data"])
    with pytest.raises(ClientError, match="The validation data has no labels; it has data"):
        compile_(model, validate=str(tmp_path / "data.npz"))


def test_a_candidate_that_fails_on_the_examples_is_dropped_and_the_others_go_on(
    compile_, clusters, monkeypatch
):
    grade = Examination.grade

    def fail(self, run, most):
        if run.__self__.manifest.engine == "native":
            raise RuntimeError("out of order")
        return grade(self, run, most)

    monkeypatch.setattr(Examination, "grade", fail)
    model, validation = clusters
    report = compile_(model, validate=validation).report
    assert (
        report.candidates[0].dropped == "it failed on the validation data with RuntimeError('out of order')"
    )
    assert report.chosen != "native"


def test_a_checkpoint_is_graded_against_mxnet_itself(mlp, mxnet_python, tmp_path):
    data = np.random.default_rng(0).random((50, 1, 28, 28), np.float32)
    labels = np.arange(50) % 10
    with MxnetReference(mxnet_python, mlp, {"data": [1, 784]}) as reference:
        report = compile_model(
            mlp,
            framework="MXNET",
            input_shapes={"data": [1, 784]},
            target="ml_c5",
            output=tmp_path / "out.tar.gz",
            name="model",
            reference=reference,
            options=CompileOptions("int8", validation={"data": data, "labels": labels}),
        )
    assert report.reference == "MXNet 1.9.1" and report.validation.examples == 50
    assert report.candidates[0].validation.changed == 0
    assert report.candidates[0].validation.accuracy == report.validation.accuracy
    assert report.precision.chosen.startswith("int8")


def test_int8_of_a_model_without_products_fails_with_every_reason(compile_):
    model = graph([("Relu", ["data"], "y", {})], {"data": [1, 4]})
    with pytest.raises(ClientError, match="No candidate of the precision int8 .* no dense .*Ask for f32"):
        compile_(model, precision="int8", calibrate={"data": np.ones((3, 4))})
