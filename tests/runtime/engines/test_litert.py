"""LiteRT's engine on a file that litert-torch 0.10 has converted: softmax(x · w), and rows of a table."""

from __future__ import annotations

import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ironworks.runtime import ArtifactError, CompiledModel, Manifest, Tensor, engines

pytest.importorskip("ai_edge_litert")

DATA = Path(__file__).parent / "data"
MANIFEST = Manifest(
    "t",
    "x86_64",
    "litert",
    "two.tflite",
    (Tensor("x", (2, 3), "float32"), Tensor("rows", (2,), "int64")),
    (Tensor("y", (2, 4), "float32"), Tensor("z", (2, 2), "float32")),
)
W = np.arange(12, dtype=np.float32).reshape(3, 4) / 10
TABLE = np.arange(10, dtype=np.float32).reshape(5, 2)


def model(manifest=MANIFEST, folder=DATA, threads=1):
    return CompiledModel(manifest, engines.start(manifest, folder, threads))


def expected(x):
    powers = np.exp(x @ W)
    return powers / powers.sum(1, keepdims=True)


def drawn(seed):
    return np.random.default_rng(seed).random((2, 3), np.float32)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_answers_are_the_models(threads):
    x = drawn(0)
    y, z = model(threads=threads).run({"x": x, "rows": np.array([4, 1])})
    np.testing.assert_allclose(y, expected(x), rtol=1e-6)
    np.testing.assert_array_equal(z, TABLE[[4, 1]])


def test_another_thread_runs_it_when_the_file_is_gone(tmp_path):
    """As where it was loaded from an archive, whose unpacked files are deleted."""
    shutil.copy(DATA / "two.tflite", tmp_path)
    running, x = model(folder=str(tmp_path)), drawn(0)
    (tmp_path / "two.tflite").unlink()
    with ThreadPoolExecutor(1) as pool:
        y, _ = pool.submit(running.run, {"x": x, "rows": np.array([4, 1])}).result()
    np.testing.assert_allclose(y, expected(x), rtol=1e-6)


def test_answers_of_before_are_kept():
    running = model()
    first, _ = running.run({"x": drawn(0), "rows": np.array([0, 0])})
    kept = first.copy()
    running.run({"x": drawn(1), "rows": np.array([1, 1])})
    np.testing.assert_array_equal(first, kept)


def test_the_answer_goes_into_the_callers_arrays():
    x, y, z = drawn(0), np.zeros((2, 4), np.float32), np.zeros((2, 2), np.float32)
    answers = model().run({"x": x, "rows": np.array([2, 3])}, out=[y, z])
    assert answers[0] is y
    assert answers[1] is z
    np.testing.assert_allclose(y, expected(x), rtol=1e-6)
    np.testing.assert_array_equal(z, TABLE[[2, 3]])


@pytest.fixture
def busy():
    """Threads take turns after every few instructions."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_threads_do_not_disturb_each_other(busy):
    running = model()
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(
            lambda seed: running.run({"x": drawn(seed), "rows": np.array([0, 1])})[0], range(400)
        )
        for seed, answer in enumerate(answers):
            np.testing.assert_allclose(answer, expected(drawn(seed)), rtol=1e-6)


@pytest.mark.parametrize(
    "changes",
    [
        {"inputs": MANIFEST.inputs[:1]},
        {"outputs": (*MANIFEST.outputs, Tensor("more", (1,), "float32"))},
        {"inputs": (Tensor("x", (3, 2), "float32"), MANIFEST.inputs[1])},
        {"inputs": (MANIFEST.inputs[0], Tensor("rows", (2,), "float32"))},
    ],
)
def test_a_file_of_another_model_is_an_error_of_the_artifact(changes):
    with pytest.raises(ArtifactError, match="describes other inputs and outputs"):
        model(replace(MANIFEST, **changes))


@pytest.mark.parametrize("damage", ["nothing that it knows", "half"])
def test_a_damaged_file_is_an_error_of_the_artifact(damage, tmp_path):
    shutil.copy(DATA / "two.tflite", tmp_path)
    whole = (tmp_path / "two.tflite").read_bytes()
    (tmp_path / "two.tflite").write_bytes(whole[: len(whole) // 2] if damage == "half" else damage.encode())
    with pytest.raises(ArtifactError, match="cannot open the model"):
        model(folder=tmp_path)
