"""`predict.c`, the program that shows how a model is used from C."""

from __future__ import annotations

import subprocess
from importlib import resources

import numpy as np
import pytest
from tests.compiler.native.networks import TARGET, expected, graph, library

from ironworks.compiler.backends import BuildOptions, find_backend
from ironworks.compiler.toolchain import NoCompiler, find_compiler

random = np.random.default_rng(0)


@pytest.fixture(scope="module")
def predict(tmp_path_factory):
    """The compiled program."""
    folder = tmp_path_factory.mktemp("predict")
    try:
        compiler = find_compiler("x86_64")
    except NoCompiler as reason:
        pytest.skip(str(reason))
    with resources.as_file(resources.files("ironworks.runtime") / "c") as sources:
        flags = ["-std=c11", "-D_POSIX_C_SOURCE=200809L", "-Wall", "-Wextra", "-Werror", "-O1"]
        program = folder / "predict"
        subprocess.run(
            [*compiler.command, *flags, str(sources / "predict.c"), "-o", str(program), "-ldl"], check=True
        )

    def run(*arguments):
        return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A graph of two inputs, and its library."""
    weights = {"w": random.standard_normal((6, 4)).astype(np.float32)}
    made = graph(
        [("MatMul", ["x", "w"], "h", {}), ("Add", ["h", "other"], "y", {})],
        {"x": [2, 6], "other": [2, 4]},
        weights,
    )
    (candidate,) = find_backend("native").build(
        made, TARGET, tmp_path_factory.mktemp("model"), BuildOptions()
    )
    return made, candidate.folder / candidate.entry


def test_it_answers_as_the_model(predict, model, tmp_path):
    graph_, library = model
    x, other = (
        random.standard_normal((2, 6)).astype(np.float32),
        random.standard_normal((2, 4)).astype(np.float32),
    )
    (tmp_path / "x").write_bytes(x.tobytes())
    (tmp_path / "other").write_bytes(other.tobytes())
    ran = predict(library, tmp_path / "x", tmp_path / "other", "--", tmp_path / "y")
    assert (ran.returncode, ran.stderr) == (0, "")
    answer = np.frombuffer((tmp_path / "y").read_bytes(), np.float32).reshape(2, 4)
    np.testing.assert_allclose(answer, expected(graph_, x, other), atol=1e-5)


def test_a_file_of_the_wrong_size_is_named(predict, model, tmp_path):
    (tmp_path / "x").write_bytes(bytes(44))
    (tmp_path / "other").write_bytes(bytes(32))
    ran = predict(model[1], tmp_path / "x", tmp_path / "other", "--", tmp_path / "y")
    assert ran.returncode == 1
    assert ran.stderr == f"predict: {tmp_path}/x: it must have 48 bytes\n"
    assert not (tmp_path / "y").exists()


def test_files_that_are_missing_or_cannot_be_written_are_named(predict, model, tmp_path):
    (tmp_path / "x").write_bytes(bytes(48))
    ran = predict(model[1], tmp_path / "x", tmp_path / "other", "--", tmp_path / "y")
    assert (ran.returncode, "other: " in ran.stderr or "cannot be read" in ran.stderr) == (1, True)
    (tmp_path / "other").write_bytes(bytes(32))
    ran = predict(model[1], tmp_path / "x", tmp_path / "other", "--", tmp_path / "none" / "y")
    assert (ran.returncode, "cannot be written" in ran.stderr) == (1, True)


def test_the_wrong_number_of_files_is_refused(predict, model, tmp_path):
    ran = predict(model[1], tmp_path / "x", "--", tmp_path / "y")
    assert (ran.returncode, ran.stderr) == (2, "predict: the model has 2 inputs and 1 outputs\n")
    assert predict(model[1]).returncode == 2


def test_what_is_no_model_library_is_refused(predict, tmp_path):
    (tmp_path / "x").write_bytes(b"text")
    ran = predict(tmp_path / "x", "--")
    assert ran.returncode == 1
    assert ran.stderr.startswith("predict: ")


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """The library of y = 2 · x for 2 and 5 rows of 3."""
    folder = tmp_path_factory.mktemp("several")
    graphs = [graph([("Add", ["x", "x"], "y", {})], {"x": [rows, 3]}, {}) for rows in (2, 5)]
    library(graphs, folder / "model.so")
    return folder / "model.so"


@pytest.mark.parametrize("rows", [2, 5])
def test_the_size_of_the_file_chooses_the_batch_size(predict, several, tmp_path, rows):
    x = random.standard_normal((rows, 3)).astype(np.float32)
    (tmp_path / "x").write_bytes(x.tobytes())
    ran = predict(several, tmp_path / "x", "--", tmp_path / "y")
    assert (ran.returncode, ran.stderr) == (0, "")
    np.testing.assert_array_equal(np.frombuffer((tmp_path / "y").read_bytes(), np.float32), 2 * x.ravel())


def test_a_file_of_no_batch_size_is_told_all_of_them(predict, several, tmp_path):
    (tmp_path / "x").write_bytes(bytes(36))
    ran = predict(several, tmp_path / "x", "--", tmp_path / "y")
    assert (ran.returncode, ran.stderr) == (1, f"predict: {tmp_path}/x: it must have 24 or 60 bytes\n")
