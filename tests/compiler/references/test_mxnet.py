from __future__ import annotations

import stat
import sys

import numpy as np
import pytest

from ironworks.compiler.references.mxnet import MxnetReference
from ironworks.errors import ClientError, PlatformError

LOST = r"MXNet ended .*out of luck"
INPUTS = {"data": np.ones((1, 784), np.float32)}
SHAPES = {"data": [1, 784]}


def interpreter(folder, script):
    """A program that takes the place of MXNet's interpreter."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_answers_what_mxnet_computes(mxnet_python, mlp, mlp_arrays):
    with MxnetReference(mxnet_python, mlp, SHAPES) as reference:
        (found,) = reference.run(INPUTS)
        assert reference.name == "MXNet 1.9.1"
        assert reference.microseconds(INPUTS) > 0
    x = INPUTS["data"].astype(np.float64)
    for layer in ("fc1", "fc2", "fc3"):
        x = x @ mlp_arrays[f"{layer}_weight"].T + mlp_arrays[f"{layer}_bias"]
        x = np.maximum(x, 0) if layer != "fc3" else np.exp(x - x.max())
    np.testing.assert_allclose(found, x / x.sum(), atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_parameters_of_another_precision_are_computed_in_float32(mxnet_python, symbol, tmp_path, dtype):
    sources = [symbol.variable(name) for name in ("data", "fc_weight")]
    symbol.node("FullyConnected", "fc", sources, {"num_hidden": 2, "no_bias": True})
    folder = symbol.save(tmp_path, {"fc_weight": np.array([[1, 2, 3], [4, 5, 6]], dtype)})
    with MxnetReference(mxnet_python, folder, {"data": [1, 3]}) as reference:
        np.testing.assert_array_equal(reference.run({"data": np.ones((1, 3), dtype)})[0], [[6, 15]])


def test_a_model_that_mxnet_refuses_is_the_callers(mxnet_python, mlp):
    with (
        MxnetReference(mxnet_python, mlp, {"data": [1, 785]}) as reference,
        pytest.raises(ClientError, match="does not run in MXNet"),
    ):
        reference.run({"data": np.ones((1, 785), np.float32)})


def test_close_ends_the_process_and_removes_its_files(mlp):
    reference = MxnetReference(sys.executable, mlp, SHAPES)
    reference.close()
    assert reference._process.returncode is not None
    assert not reference._log.parent.exists()


def test_an_interpreter_that_is_not_there_is_said_to_be(tmp_path, mlp):
    with pytest.raises(PlatformError, match=r"no-python cannot be started .*Make its environment again"):
        MxnetReference(tmp_path / "no-python", mlp, SHAPES)


def test_an_interpreter_without_mxnet_is_said_to_be_damaged(mlp):
    with (
        MxnetReference(sys.executable, mlp, SHAPES) as reference,
        pytest.raises(PlatformError, match="mxnet is not installed in"),
    ):
        reference.run(INPUTS)


def test_a_process_that_ends_shows_what_it_wrote_last(tmp_path, mlp):
    python = interpreter(tmp_path, "echo out of luck >&2; exit 3")
    with (
        MxnetReference(python, mlp, SHAPES) as reference,
        pytest.raises(PlatformError, match=LOST),
    ):
        reference.run(INPUTS)


def test_a_process_that_does_not_answer_is_ended(tmp_path, mlp):
    python = interpreter(tmp_path, "exec sleep 60")
    with MxnetReference(python, mlp, SHAPES, timeout=0.2) as reference:
        with pytest.raises(PlatformError, match=r"gave no answer in 0.2 s"):
            reference.run(INPUTS)
        assert reference._process.wait(10) != 0


def test_inputs_of_another_batch_size_load_the_model_again(mxnet_python, mlp):
    with MxnetReference(mxnet_python, mlp, SHAPES) as reference:
        (one,) = reference.run(INPUTS)
        (three,) = reference.run({"data": np.repeat(INPUTS["data"], 3, 0)})
        assert (one.shape, three.shape) == ((1, 10), (3, 10))
        np.testing.assert_allclose(three, np.repeat(one, 3, 0), atol=1e-6)
        np.testing.assert_array_equal(reference.run(INPUTS)[0], one)
