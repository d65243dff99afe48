"""The engine that runs model libraries, through the extension and through ctypes."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
from tests.compiler.native.networks import compiled, graph

from ironworks.runtime import ArtifactError
from ironworks.runtime.engines import native
from ironworks.runtime.model import CompiledModel


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A library of two inputs and one output, y = a + b, and the manifest that describes it."""
    folder = tmp_path_factory.mktemp("library")
    model = compiled(graph([("Add", ["a", "b"], "y", {})], {"a": [2, 3], "b": [2, 3]}), folder)
    return folder, model.manifest


@pytest.fixture(params=["extension", "ctypes"])
def adder(request, library, monkeypatch):
    folder, manifest = library
    if request.param == "ctypes":
        monkeypatch.setitem(sys.modules, "ironworks.runtime._native", None)
    else:
        pytest.importorskip("ironworks.runtime._native")
    return CompiledModel(manifest, native.start(manifest, folder, 1))


A = np.arange(6, dtype=np.float32).reshape(2, 3)


def test_arrays_by_name_in_any_order(adder):
    np.testing.assert_array_equal(adder.run({"b": A, "a": A * 2})[0], A * 3)


@pytest.mark.parametrize(
    "other", [A.astype(np.float64), A.astype(">f4"), A.T.copy().T, A.reshape(6), A.tolist()], ids=str
)
def test_what_does_not_fit_exactly_is_converted(adder, other):
    np.testing.assert_array_equal(adder.run({"a": A, "b": other})[0], A * 2)


def test_the_answer_is_the_callers_own(adder):
    first = adder.run({"a": A, "b": A})[0]
    adder.run({"a": A * 9, "b": A})
    np.testing.assert_array_equal(first, A * 2)


def test_the_caller_may_give_the_array_to_answer_in(adder):
    out = np.empty((2, 3), np.float32)
    assert adder.run({"a": A, "b": A}, [out])[0] is out
    np.testing.assert_array_equal(out, A * 2)


@pytest.mark.parametrize(
    "out",
    [
        [np.empty((3, 2), np.float32)],
        [np.empty((2, 3))],
        [np.empty((2, 3), np.int32)],
        [np.empty((2, 6), np.float32)[:, ::2]],
        [[0.0] * 6],
    ],
)
def test_an_array_that_cannot_hold_the_answer_is_refused(adder, out):
    with pytest.raises(ValueError, match=r"array of `out` for y \[2, 3\] float32 must be"):
        adder.run({"a": A, "b": A}, out)


def test_an_array_that_may_not_be_written_is_refused(adder):
    out = np.zeros((2, 3), np.float32)
    out.flags.writeable = False
    with pytest.raises(ValueError, match="writeable"):
        adder.run({"a": A, "b": A}, [out])
    np.testing.assert_array_equal(out, 0)


@pytest.mark.parametrize("other", [A.astype(np.float64), A.T.copy().T, A.reshape(6), A.tolist()], ids=str)
def test_what_does_not_fit_exactly_is_converted_for_the_callers_array_too(adder, other):
    out = np.empty((2, 3), np.float32)
    assert adder.run({"a": A, "b": other}, (out,))[0] is out
    np.testing.assert_array_equal(out, A * 2)


def test_as_many_arrays_as_outputs(adder):
    with pytest.raises(ValueError, match="has the outputs y .*`out` has 0 arrays"):
        adder.run({"a": A, "b": A}, [])


@pytest.mark.parametrize("given", [{"a": A}, {"a": A, "c": A}, {"a": A, "b": A, "c": A}])
def test_missing_and_unknown_inputs_are_named(adder, given):
    with pytest.raises(ValueError, match="takes the inputs a .* b .* was given"):
        adder.run(given)


def test_an_array_alone_is_refused_where_there_are_two_inputs(adder):
    with pytest.raises(ValueError, match="takes 2 inputs"):
        adder.run(A)


def test_threads_run_side_by_side(adder):
    wrong = []

    def work(factor):
        for _ in range(300):
            if not np.array_equal(adder.run({"a": A * factor, "b": A})[0], A * (factor + 1)):
                wrong.append(factor)

    threads = [threading.Thread(target=work, args=(factor,)) for factor in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("kind", ["extension", "ctypes"])
def test_a_library_that_is_none_says_so(library, tmp_path, kind, monkeypatch):
    if kind == "ctypes":
        monkeypatch.setitem(sys.modules, "ironworks.runtime._native", None)
    (tmp_path / "model.so").write_bytes(b"nothing")
    with pytest.raises(ArtifactError, match="library cannot be opened"):
        native.start(library[1], tmp_path, 1)


def test_a_manifest_that_describes_another_model_is_refused(library):
    folder, manifest = library
    with pytest.raises(ArtifactError, match="describes other inputs and outputs"):
        native.start(replace(manifest, inputs=manifest.inputs[:1]), folder, 1)


def test_a_processor_without_the_instruction_sets_is_told(tmp_path):
    from tests.compiler.native.networks import TARGET, levels_of

    impossible = replace(levels_of(TARGET)[-1], condition="0")
    with pytest.raises(ArtifactError, match="this processor has none of these instruction sets"):
        compiled(graph([("Relu", ["x"], "y", {})], {"x": [1, 3]}), tmp_path, [impossible])


def test_running_compiled_code_needs_numpy_and_nothing_else(library):
    folder, _ = library
    script = (
        "import sys; from ironworks.runtime.engines import native\n"
        "from ironworks.runtime import CompiledModel\n"
        "sys.exit(' '.join({'onnx', 'onnxruntime', 'botocore', 'sqlalchemy'} & set(sys.modules)) or 0)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=False
    )
    assert (answer.returncode, answer.stderr) == (0, "")
