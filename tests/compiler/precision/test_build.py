"""The candidates of a reduced precision run on the engines that will serve them."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError

import numpy as np
import openvino
import pytest
from tests.compiler.native.networks import TARGET, expected, graph
from tests.compiler.precision.networks import convolutional, dense

from ironworks.compiler.backends import BuildOptions, describe, find_backend
from ironworks.compiler.precision.build import build_reduced
from ironworks.compiler.precision.request import Request
from ironworks.compiler.tensors import described_inputs, described_outputs
from ironworks.runtime import CompiledModel, engines

EVERY = ("bf16", "int8", "int8-weights")


def draws(model, count):
    shape = described_inputs(model)[0].shape
    return [{"data": np.random.default_rng(seed).random(shape, np.float32)} for seed in range(count)]


def build(model, folder, kinds=EVERY, calibrated=8):
    request = Request("auto", kinds, draws(model, calibrated))
    full = []
    for name in ("onnxruntime", "openvino"):
        (folder / name).mkdir()
        full += find_backend(name).build(model, TARGET, folder / name, BuildOptions())
    return build_reduced(request, model, full, TARGET, folder / "reduced", BuildOptions())


def loaded(candidate, model):
    manifest = describe(candidate, TARGET, described_inputs(model), described_outputs(model))
    return CompiledModel(manifest, engines.start(manifest, candidate.folder, 1))


@pytest.fixture
def bfloat16(monkeypatch):
    """Whether this processor multiplies bfloat16, as a test says it."""

    def say(has):
        real = openvino.Core.get_property

        def get_property(core, device, name=None):
            if name == "OPTIMIZATION_CAPABILITIES":
                return ["FP32", "INT8", *(["BF16"] if has else [])]
            return real(core, device, name)

        monkeypatch.setattr(openvino.Core, "get_property", get_property)

    return say


@pytest.mark.parametrize("model", [dense(), dense(batch=3, transposed=False)])
def test_every_precision_of_a_dense_network_has_a_candidate_on_both_engines(model, tmp_path, bfloat16):
    bfloat16(True)
    candidates, skipped = build(model, tmp_path)
    assert skipped == {}
    assert [(candidate.engine, candidate.precision) for candidate in candidates] == [
        (engine, precision) for precision in EVERY for engine in ("onnxruntime", "openvino")
    ]
    x = np.random.default_rng(9).random(described_inputs(model)[0].shape, np.float32)
    wanted = expected(model, x)
    for candidate in candidates:
        found = loaded(candidate, model).run(x)[0]
        assert np.abs(found - wanted).max() / wanted.max() < 0.1, candidate.label
        assert candidate.label.startswith(f"{candidate.engine} {candidate.precision}")
        manifest = describe(candidate, TARGET, described_inputs(model), described_outputs(model))
        assert manifest.options["precision"] == candidate.precision


def test_a_convolutional_network_is_quantised_on_both_engines(tmp_path, bfloat16):
    bfloat16(False)
    model = convolutional()
    candidates, skipped = build(model, tmp_path)
    x = draws(model, 9)[-1]["data"]
    for candidate in candidates:
        found, wanted = loaded(candidate, model).run(x)[0], expected(model, x)
        assert np.abs(found - wanted).max() / np.abs(wanted).max() < 0.1, candidate.label
    labels = [(candidate.engine, candidate.precision) for candidate in candidates]
    assert ("onnxruntime", "int8") in labels and ("openvino", "int8") in labels
    assert set(skipped) == {"openvino bf16"}


def test_int8_weights_take_a_quarter_of_the_bytes(tmp_path, bfloat16):
    bfloat16(True)
    candidates, _ = build(dense(), tmp_path)
    sizes = {
        candidate.precision: (candidate.folder / candidate.entry).stat().st_size
        for candidate in candidates
        if candidate.engine == "onnxruntime"
    }
    whole = (tmp_path / "onnxruntime" / "model.onnx").stat().st_size
    assert sizes["int8"] < 0.3 * whole and sizes["int8-weights"] < 0.3 * whole
    assert sizes["bf16"] < 0.55 * whole


def test_a_processor_without_bfloat16_is_said_so(tmp_path, bfloat16):
    bfloat16(False)
    _, skipped = build(dense(), tmp_path, ("bf16",))
    assert skipped == {
        "openvino bf16": "this processor does not multiply bfloat16: it has neither AVX512_BF16 nor AMX"
    }


def test_openvino_computes_in_bfloat16_only_when_it_is_told_to(tmp_path, bfloat16, monkeypatch):
    bfloat16(True)
    hints = []
    real = openvino.Core.compile_model

    def compile_model(core, path, device, settings):
        hints.append(settings["INFERENCE_PRECISION_HINT"])
        return real(core, path, device, settings)

    monkeypatch.setattr(openvino.Core, "compile_model", compile_model)
    model = dense()
    for candidate in build(model, tmp_path)[0]:
        if candidate.engine == "openvino":
            loaded(candidate, model)
    assert hints == ["bf16", "f32", "f32"]


def test_without_examples_activations_are_not_quantised(tmp_path, bfloat16):
    bfloat16(True)
    candidates, skipped = build(dense(), tmp_path, ("int8", "int8-weights"), calibrated=0)
    assert {candidate.precision for candidate in candidates} == {"int8-weights"}
    reason = "there are no examples to measure the ranges of activations on"
    assert skipped == {"onnxruntime int8": reason, "openvino int8": reason}


def test_a_library_that_has_no_candidate_in_float32_has_none_here(tmp_path, monkeypatch):
    backend = find_backend("openvino")

    def absent(package):
        raise PackageNotFoundError(package)

    monkeypatch.setattr(backend, "version", absent)
    request = Request("auto", EVERY, draws(dense(), 2))
    _, skipped = build_reduced(request, dense(), [], TARGET, tmp_path, BuildOptions())
    assert skipped["openvino bf16"] == "OpenVINO has no candidate in float32 either"
    assert skipped["openvino int8"] == "it is not installed; pip install openvino"


def test_a_model_without_weights_has_no_candidates_and_says_why(tmp_path):
    model = graph([("Relu", ["data"], "y", {})], {"data": [1, 4]})
    request = Request("int8", ("int8", "int8-weights"), draws(model, 2))
    candidates, skipped = build_reduced(request, model, [], TARGET, tmp_path, BuildOptions())
    assert candidates == []
    assert set(skipped) == {
        f"{engine} {kind}" for engine in ("onnxruntime", "openvino") for kind in request.kinds
    }
    assert all("no dense" in reason for reason in skipped.values())


def test_nothing_is_built_where_nothing_is_asked_for(tmp_path):
    assert build_reduced(Request("f32"), dense(), [], TARGET, tmp_path, BuildOptions()) == ([], {})
