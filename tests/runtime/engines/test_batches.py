"""Any number of rows on a model of several batch sizes."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations_with_replacement

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.compiler.native.networks import graph, library

from ironworks.runtime import ArtifactError, CompiledModel, Manifest, Tensor, engines, load
from ironworks.runtime.dlr import DLRModel
from ironworks.runtime.engines.batches import Batches, LibraryBatches, plan
from ironworks.runtime.manifest import Variant

random = np.random.default_rng(0)


def draw(rows):
    """Two inputs of `multiplier`, by name."""
    own = np.random.default_rng()
    return {name: own.standard_normal((rows, 3)).astype(np.float32) for name in "ab"}


# the plan


def test_the_exact_size_is_taken_where_it_is_the_fastest():
    assert plan(8, {1: 10.0, 8: 20.0, 32: 60.0}) == (8,)


def test_fewer_rows_go_into_the_next_larger_size_or_into_smaller_ones_by_time():
    assert plan(5, {1: 10.0, 8: 20.0}) == (8,)
    assert plan(2, {1: 1.0, 8: 20.0}) == (1, 1)
    assert plan(20, {1: 10.0, 8: 20.0, 32: 100.0}) == (8, 8, 8)


def test_more_rows_than_the_largest_are_full_runs_and_a_rest():
    assert plan(70, {1: 10.0, 8: 20.0, 32: 60.0}) == (32, 32, 8)
    assert plan(1_000_000, {1: 10.0, 32: 60.0}) == (32,) * 31250


def test_a_smaller_size_that_is_faster_a_row_does_the_bulk():
    assert plan(64, {8: 8.0, 32: 100.0}) == (8,) * 8


def test_what_a_run_and_padding_cost_besides_counts():
    assert plan(4, {1: 1.0, 8: 5.0}) == (1, 1, 1, 1)
    assert plan(4, {1: 1.0, 8: 5.0}, run=1.0) == (8,)
    assert plan(4, {1: 1.0, 8: 5.0}, run=1.0, padding=3.0) == (1, 1, 1, 1)
    assert plan(8, {1: 1.0, 8: 9.0}, run=1.0, padding=30.0) == (8,)


@given(
    st.dictionaries(st.integers(1, 9), st.floats(0.5, 50), min_size=1, max_size=3),
    st.integers(1, 24),
)
def test_no_other_cut_up_to_the_largest_size_is_faster(costs, rows):
    sizes = plan(rows, costs)
    assert sum(sizes) >= rows > sum(sizes[:-1])
    if rows <= max(costs):
        cuts = (
            cut
            for count in range(1, rows + 1)
            for cut in combinations_with_replacement(costs, count)
            if sum(cut) >= rows
        )
        best = min(sum(costs[size] for size in cut) for cut in cuts)
        assert sum(costs[size] for size in sizes) == pytest.approx(best)


# running


class Recorder:
    """An engine of one batch size that negates, and keeps what it was given."""

    def __init__(self, size, given):
        self._size, self._given = size, given

    def run(self, inputs, outputs=None):
        assert inputs[0].shape == (self._size, 2) and inputs[0].flags.c_contiguous
        self._given.append(inputs[0].copy())
        if outputs is None:
            return [-inputs[0]]
        np.copyto(outputs[0], -inputs[0])
        return list(outputs)


def recording(times):
    """A model of `times`, µs by batch size, and the list of what its engines were given."""
    given = []
    variants = tuple(Variant(size, "none", "none", {}, (), time) for size, time in times.items())
    x, y = (Tensor(name, (-1, 2), "float32") for name in "xy")
    manifest = Manifest("t", "x86_64", "none", "none", (x,), (y,), variants=variants)
    return CompiledModel(manifest, Batches([Recorder(size, given) for size in times], manifest)), given


def test_measured_times_choose_the_runs_and_spare_rows_are_zero():
    model, given = recording({1: 10.0, 8: 20.0, 16: 50.0})
    x = random.standard_normal((13, 2)).astype(np.float32)
    np.testing.assert_array_equal(model.run(x)[0], -x)
    assert [len(rows) for rows in given] == [8, 8]
    np.testing.assert_array_equal(given[0], x[:8])
    np.testing.assert_array_equal(given[1], [*x[8:], *np.zeros((3, 2))])


def test_without_times_few_runs_with_few_spare_rows_are_chosen():
    model, given = recording({1: None, 8: None, 32: None})
    for rows, sizes in {1: [1], 5: [8], 8: [8], 9: [8, 1], 30: [32], 33: [32, 1], 40: [32, 8]}.items():
        given.clear()
        model.run(np.ones((rows, 2)))
        assert [len(part) for part in given] == sizes, rows


# whole artifacts


@pytest.mark.parametrize("rows", [1, 2, 4, 7, 16, 17, 100])
@pytest.mark.parametrize("times", [None, {1: 1.0, 4: 2.0, 16: 3.0}, {1: 1.0, 4: 90.0, 16: 900.0}])
def test_any_number_of_rows_runs(multiplier, times, rows):
    data = draw(rows)
    (answer,) = load(multiplier(times)).run(data)
    assert (answer.shape, answer.dtype) == ((rows, 3), np.float32)
    np.testing.assert_array_equal(answer, data["a"] * data["b"])


def test_the_model_says_its_batch_sizes_and_open_shapes(multiplier):
    model = load(multiplier())
    assert model.batch_sizes == (1, 4, 16)
    assert [tensor.shape for tensor in (*model.inputs, *model.outputs)] == [(-1, 3)] * 3


def test_other_shapes_and_dtypes_are_fitted_by_the_number_of_elements(multiplier):
    model = load(multiplier())
    a = np.arange(15.0)
    np.testing.assert_array_equal(
        model.run({"a": a, "b": a.reshape(5, 1, 3).tolist()})[0], (a * a).reshape(5, 3)
    )


def test_rows_are_written_into_the_callers_array(multiplier):
    model, data = load(multiplier()), draw(21)
    out = np.full((21, 3), np.nan, np.float32)
    assert model.run(data, out=[out])[0] is out
    np.testing.assert_array_equal(out, data["a"] * data["b"])


@pytest.mark.parametrize(
    "out", [np.empty((20, 3), np.float32), np.empty((21, 3)), np.empty((63,), np.float32)]
)
def test_an_array_of_other_rows_is_refused(multiplier, out):
    with pytest.raises(ValueError, match=r"`out` for product \[21, 3\] float32 must be"):
        load(multiplier()).run(draw(21), out=[out])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (
            {"a": np.ones((2, 3)), "b": np.ones((4, 3))},
            r"2 of a \[n, 3\] float32, 4 of b \[n, 3\] float32 were",
        ),
        (
            {"a": np.ones((2, 3)), "b": np.ones(7)},
            r"b \[n, 3\] float32 takes rows of 3 numbers.* given 7 numbers",
        ),
        ({"a": np.ones((0, 3)), "b": np.ones((0, 3))}, "at least one, and was given 0 numbers"),
        (np.ones((2, 3)), r"takes 2 inputs \(a \[n, 3\] float32"),
    ],
)
def test_what_does_not_fit_says_what_was_expected(multiplier, data, reason):
    with pytest.raises(ValueError, match=reason):
        load(multiplier()).run(data)


def test_threads_of_a_librarys_sessions_do_not_mix_their_answers(multiplier):
    model = load(multiplier())

    def work(rows):
        draws = [draw(rows) for _ in range(30)]
        return all(np.array_equal(model.run(data)[0], data["a"] * data["b"]) for data in draws)

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(work, [1, 3, 4, 6, 16, 40]))


def test_code_written_for_dlr_runs_any_number_of_rows(multiplier):
    data = draw(6)
    np.testing.assert_array_equal(DLRModel(multiplier()).run(data)[0], data["a"] * data["b"])


def test_every_file_needs_its_checksum(multiplier):
    folder = multiplier()
    document = json.loads((folder / "manifest.json").read_text())
    del document["files"]["model-4.onnx"]
    (folder / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(ArtifactError, match="no checksum for model-4.onnx"):
        load(folder)


# a model library


@pytest.fixture(scope="module")
def dense(tmp_path_factory):
    """The folder of a library of a dense layer for 1, 4 and 16 rows, its manifest and its weights."""
    folder = tmp_path_factory.mktemp("dense")
    w = random.standard_normal((6, 5)).astype(np.float32)
    graphs = [graph([("MatMul", ["x", "w"], "y", {})], {"x": [rows, 6]}, {"w": w}) for rows in (1, 4, 16)]
    library(graphs, folder / "model.so")
    variants = tuple(Variant(size, "native", "model.so", {}, (), None) for size in (1, 4, 16))
    tensors = ((Tensor("x", (-1, 6), "float32"),), (Tensor("y", (-1, 5), "float32"),))
    return folder, Manifest("t", "x86_64", "native", "model.so", *tensors, variants=variants), w


@pytest.fixture(params=["extension", "engines", "ctypes"])
def layer(request, dense, monkeypatch):
    """The model through the extension, through the extension's functions one by one, and without it."""
    folder, manifest, w = dense
    if request.param == "ctypes":
        monkeypatch.setitem(sys.modules, "ironworks.runtime._native", None)
    else:
        native = pytest.importorskip("ironworks.runtime._native")
        if request.param == "engines":
            monkeypatch.delattr(native, "Rows")
    model = CompiledModel(manifest, engines.start(manifest, folder, 1))
    assert isinstance(model._engine, LibraryBatches if request.param == "extension" else Batches)
    return model, w


@pytest.mark.parametrize("rows", [1, 3, 4, 16, 50])
def test_one_library_runs_any_number_of_rows(layer, rows):
    model, w = layer
    x = random.standard_normal((rows, 6)).astype(np.float32)
    for data in (x, x.astype(np.float64), x.reshape(-1), x.reshape(rows, 2, 3)):
        np.testing.assert_allclose(model.run(data)[0], x @ w, atol=1e-5)


def test_several_inputs_and_outputs_keep_their_rows_together(tmp_path):
    pytest.importorskip("ironworks.runtime._native")
    graphs = [
        graph([("Sub", ["a", "b"], "y", {})], {"a": [rows, 2, 3], "b": [rows, 2, 3]}) for rows in (2, 5)
    ]
    library(graphs, tmp_path / "model.so")
    a, b, y = (Tensor(name, (-1, 2, 3), "float32") for name in ("a", "b", "y"))
    variants = tuple(Variant(size, "native", "model.so", {}, (), None) for size in (2, 5))
    manifest = Manifest("t", "x86_64", "native", "model.so", (a, b), (y,), variants=variants)
    model = CompiledModel(manifest, engines.start(manifest, tmp_path, 1))
    for rows in (1, 2, 3, 5, 12):
        one, two = (random.standard_normal((rows, 2, 3)).astype(np.float32) for _ in range(2))
        np.testing.assert_array_equal(model.run({"b": two, "a": one})[0], one - two)
    with pytest.raises(ValueError, match=r"same number of rows, and 3 of a .*, 2 of b"):
        model.run({"a": np.ones((3, 2, 3), np.float32), "b": np.ones((2, 2, 3), np.float32)})


def test_a_manifest_of_a_size_that_the_library_has_not_is_refused(layer, dense):
    folder, manifest, _ = dense
    with pytest.raises(ArtifactError, match="describes other inputs and outputs"):
        engines.start(manifest.of(Variant(2, "native", "model.so", {}, (), None)), folder, 1)


def test_threads_with_different_numbers_of_rows_do_not_mix_their_answers(layer):
    model, w = layer

    def work(rows):
        own = np.random.default_rng(rows)
        for _ in range(60):
            x = own.standard_normal((rows, 6)).astype(np.float32)
            out = [np.empty((rows, 5), np.float32)]
            for answer in (model.run(x)[0], model.run({"x": x}, out=out)[0]):
                if answer.shape != (rows, 5) or np.abs(answer - x @ w).max() > 1e-5:
                    return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, [1, 2, 3, 4, 5, 16, 17, 33] * 2))


def functions_of(dense):
    """The extension's function of each variant."""
    pytest.importorskip("ironworks.runtime._native")
    folder, manifest, _ = dense
    return tuple(engines.start(manifest.of(item), folder, 1).call for item in manifest.variants)


@pytest.mark.parametrize("plan", [lambda rows: (4,), lambda rows: (3, 3), lambda rows: (), lambda rows: [16]])
def test_a_plan_that_does_not_cover_the_rows_is_an_error(dense, plan):
    from ironworks.runtime._native import Rows

    with pytest.raises(RuntimeError, match="does not cover the rows"):
        Rows(functions_of(dense), plan)(np.ones((6, 6), np.float32))


def test_what_a_plan_raises_reaches_the_caller(dense):
    from ironworks.runtime._native import Rows

    with pytest.raises(ZeroDivisionError):
        Rows(functions_of(dense), lambda rows: 1 // 0)(np.ones((6, 6), np.float32))


def test_functions_that_are_no_variants_of_one_model_are_refused(dense, tmp_path):
    from ironworks.runtime._native import Rows

    library([graph([("Relu", ["x"], "y", {})], {"x": [2, 3]})], tmp_path / "model.so")
    tensors = ((Tensor("x", (2, 3), "float32"),), (Tensor("y", (2, 3), "float32"),))
    other = engines.start(Manifest("t", "x86_64", "native", "model.so", *tensors), tmp_path, 1).call
    for functions in ((), (None,), (*functions_of(dense), other)):
        with pytest.raises(ValueError, match="not variants of one model"):
            Rows(functions, plan)
    with pytest.raises(TypeError):
        Rows(list(functions_of(dense)), plan)


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ([np.ones((6, 6))], [np.empty((6, 5), np.float32)]),
        ([np.ones(7, np.float32)], [np.empty((1, 5), np.float32)]),
        ([np.ones((0, 6), np.float32)], [np.empty((0, 5), np.float32)]),
        ([np.ones((6, 6), np.float32)], [np.empty((5, 5), np.float32)]),
        ([np.ones((6, 6), np.float32)], []),
        ([], [np.empty((6, 5), np.float32)]),
    ],
)
def test_the_extension_compares_rows_before_it_writes(dense, inputs, outputs):
    from ironworks.runtime._native import Rows

    rows = Rows(functions_of(dense), lambda count: (4,) * count)
    with pytest.raises(ValueError):
        rows.run_into(inputs, outputs)
