"""The libraries: OpenVINO, ncnn, MNN and ONNX Runtime give what the graph says, or say why not."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from importlib.metadata import PackageNotFoundError

import numpy as np
import onnx
import pytest
from tests.compiler.native.networks import TARGET, close, expected, graph

from ironworks.compiler.backends import BackendSkipped, BuildOptions, describe, find_backend
from ironworks.compiler.targets import Target
from ironworks.compiler.tensors import described_inputs, described_outputs
from ironworks.compiler.work import operations
from ironworks.runtime import ArtifactError, CompiledModel, engines

LIBRARIES = ["openvino", "ncnn", "mnn"]
ALL = ["onnxruntime", *LIBRARIES]
random = np.random.default_rng(0)


def numbers(*shape, scale=0.2):
    return (random.standard_normal(shape) * scale).astype(np.float32)


def network(batch=1, size=24):
    """A residual block, a depthwise convolution, pooling and classes; the weights are always the same."""
    drawn = np.random.default_rng(1)
    shapes = {
        "stem": (16, 3, 3, 3),
        "w1": (16, 16, 3, 3),
        "b1": (16,),
        "deep": (16, 1, 3, 3),
        "classes": (16, 10),
    }
    constants = {
        name: (drawn.standard_normal(shape) * 0.2).astype(np.float32) for name, shape in shapes.items()
    }
    same = {"pads": [1, 1, 1, 1]}
    nodes = [
        ("Conv", ["data", "stem"], "a", same),
        ("Relu", ["a"], "ar", {}),
        ("Conv", ["ar", "w1", "b1"], "c", same),
        ("Add", ["c", "ar"], "s", {}),
        ("Conv", ["s", "deep"], "d", {**same, "group": 16, "strides": [2, 2]}),
        ("GlobalAveragePool", ["d"], "g", {}),
        ("Flatten", ["g"], "f", {}),
        ("MatMul", ["f", "classes"], "m", {}),
        ("Softmax", ["m"], "y", {"axis": 1}),
    ]
    return graph(nodes, {"data": [batch, 3, size, size]}, constants)


NETWORK = network()
EXACT = {"mnn": 1e-4}
"""MNN's convolutions by Winograd's tiles are less exact than the others; the pipeline drops it where it is too much."""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The candidates of a backend for the network; converting takes seconds, so each is made once."""

    @cache
    def build(name, batch=1):
        folder = tmp_path_factory.mktemp(name)
        return find_backend(name).build(network(batch), TARGET, folder, BuildOptions())

    return build


def loaded(candidate, model, threads=1):
    manifest = describe(candidate, TARGET, described_inputs(model), described_outputs(model))
    return CompiledModel(manifest, engines.start(manifest, candidate.folder, threads))


@pytest.mark.parametrize("name", ALL)
def test_every_candidate_equals_the_graph(name, built):
    model, x = NETWORK, numbers(1, 3, 24, 24, scale=1)
    for candidate in built(name):
        close(loaded(candidate, model).run(x)[0], expected(model, x), EXACT.get(name, 1e-5))


@pytest.mark.parametrize("name", ["onnxruntime", "openvino", "mnn"])
def test_a_batch_is_answered_row_by_row(name, built):
    model, x = network(batch=4), numbers(4, 3, 24, 24, scale=1)
    close(loaded(built(name, 4)[0], model).run(x)[0], expected(model, x), EXACT.get(name, 1e-5))


def test_openvino_takes_large_inputs_where_they_are(tmp_path):
    model = network(size=320)
    (candidate,) = find_backend("openvino").build(model, TARGET, tmp_path, BuildOptions())
    running, x = loaded(candidate, model), numbers(1, 3, 320, 320, scale=1)
    assert x.nbytes > 1 << 20
    first, second = running.run(x)[0], running.run(-x)[0]
    close(first, expected(model, x), 1e-5)
    close(second, expected(model, -x), 1e-5)


@pytest.mark.parametrize("name", ALL)
def test_threads_do_not_disturb_each_other(name, built):
    running = loaded(built(name)[0], NETWORK)
    images = [numbers(1, 3, 24, 24, scale=1) for _ in range(24)]
    wanted = [running.run(image)[0] for image in images]
    with ThreadPoolExecutor(4) as pool:
        for answer, want in zip(pool.map(lambda image: running.run(image)[0], images), wanted, strict=True):
            np.testing.assert_array_equal(answer, want)


@pytest.mark.parametrize("name", ALL)
def test_the_answer_goes_into_the_callers_array(name, built):
    x, out = numbers(1, 3, 24, 24, scale=1), np.zeros((1, 10), np.float32)
    running = loaded(built(name)[0], NETWORK)
    (answer,) = running.run(x, out=[out])
    assert answer is out
    np.testing.assert_array_equal(out, running.run(x)[0])


@pytest.mark.parametrize("name", LIBRARIES)
def test_what_the_folder_holds_is_what_the_engine_reads(name, built):
    (folder,) = {candidate.folder for candidate in built(name)}
    assert not any(path.suffix in (".onnx", ".py", ".pt") for path in folder.iterdir())


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_small_model_is_not_worth_a_library(name, tmp_path):
    with pytest.raises(BackendSkipped, match=r"products are 0\.\d+ MFLOP, which take less time than a call"):
        find_backend(name).build(network(size=4), TARGET, tmp_path, BuildOptions())


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_library_that_is_not_installed_says_how_to_get_it(name, tmp_path, monkeypatch):
    backend = find_backend(name)

    def absent(package):
        raise PackageNotFoundError(package)

    monkeypatch.setattr(backend, "version", absent)
    with pytest.raises(BackendSkipped, match="is not installed; pip install"):
        backend.build(network(), TARGET, tmp_path, BuildOptions())


@pytest.mark.parametrize("name", LIBRARIES)
def test_another_architecture_is_not_theirs(name, tmp_path):
    with pytest.raises(BackendSkipped, match="the target is aarch64"):
        find_backend(name).build(network(), Target("arm", "aarch64", (), 1), tmp_path, BuildOptions())


@pytest.mark.parametrize("name", ["ncnn", "mnn"])
@pytest.mark.parametrize("problem", ["fails", "hangs"])
def test_a_converter_that_fails_skips_the_library(name, problem, tmp_path, monkeypatch):
    backend = find_backend(name)

    def run(command, **options):
        if problem == "hangs":
            raise subprocess.TimeoutExpired(command, 120)
        return subprocess.CompletedProcess(command, 1, b"", b"Unknown layer")

    monkeypatch.setattr(backend.subprocess, "run", run)
    with pytest.raises(BackendSkipped, match="cannot convert the model|did not convert the model"):
        backend.build(network(), TARGET, tmp_path, BuildOptions())


@pytest.mark.parametrize("name", ["ncnn", "mnn"])
def test_a_library_that_ends_the_process_is_skipped(name, tmp_path, monkeypatch):
    backend = find_backend(name)
    monkeypatch.setattr(backend, "survives", lambda *_: "it ended its process with signal 11")
    with pytest.raises(BackendSkipped, match="does not run the model: it ended its process with signal 11"):
        backend.build(NETWORK, TARGET, tmp_path, BuildOptions())


def test_openvino_says_what_it_cannot_convert(tmp_path):
    model = network()
    node = onnx.helper.make_node("Mystery", ["y"], ["z"], domain="nowhere")
    model.graph.node.append(node)
    model.graph.output[0].name = "z"
    model.opset_import.append(onnx.helper.make_opsetid("nowhere", 1))
    with pytest.raises(BackendSkipped, match="cannot convert the model"):
        find_backend("openvino").build(model, TARGET, tmp_path, BuildOptions())
    assert not (tmp_path / "model.onnx").exists()


def test_ncnn_has_no_batches(tmp_path):
    with pytest.raises(BackendSkipped, match="no dimension for batches"):
        find_backend("ncnn").build(network(batch=2), TARGET, tmp_path, BuildOptions())


@pytest.mark.parametrize("name", ALL)
def test_a_damaged_file_is_an_error_of_the_artifact(name, built, tmp_path, capfd):
    candidate = replace(built(name)[0], folder=tmp_path)
    (tmp_path / candidate.entry).write_bytes(b"nothing that it knows")
    with pytest.raises(ArtifactError, match="cannot open the model"):
        loaded(candidate, NETWORK)
    assert capfd.readouterr().out == ""


def test_the_work_of_a_model_is_counted():
    model = graph(
        [("MatMul", ["x", "w"], "h", {}), ("Gemm", ["h", "v"], "y", {"transB": 1})],
        {"x": [2, 3]},
        {"w": numbers(3, 5), "v": numbers(7, 5)},
    )
    assert operations(onnx.shape_inference.infer_shapes(model)) == 2 * 2 * 3 * 5 + 2 * 2 * 5 * 7
    assert operations(graph([("Relu", ["x"], "y", {})], {"x": [2, 3]}, {})) is None
