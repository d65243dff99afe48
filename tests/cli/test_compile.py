"""`ironworks compile` and `ironworks targets`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.cli.conftest import Run
from tests.compiler.conftest import write_mlp

from ironworks.compiler.targets import TARGETS
from ironworks.runtime import load


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_mlp(tmp_path / "mlp")


def test_a_model_is_compiled_and_the_candidates_are_shown(
    ironworks: Run, model: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.tar.gz"
    ran = ironworks("compile", str(model), "--shape", "data=1,784", "--target", "ml_c5", "-o", str(output))
    assert ran.returncode == 0, ran.stderr
    assert "candidate" in ran.stdout and "verified against" in ran.stdout
    assert f"{output} (" in ran.stdout.replace("\n", "")
    assert load(output).run(np.zeros((1, 784), np.float32))[0].shape == (1, 10)


def test_the_report_is_there_as_json(ironworks: Run, model: Path, tmp_path: Path) -> None:
    sample = tmp_path / "digit.npy"
    np.save(sample, np.zeros((28, 28), np.float32))
    output = tmp_path / "out.tar.gz"
    options = ["--shape", "data=1,784", "--sample", str(sample), "-o", str(output), "--json"]
    report = json.loads(ironworks("compile", str(model), *options).stdout)
    assert report["target"] == "LINUX_X86_64"
    assert report["chosen"] in [candidate["label"] for candidate in report["candidates"]]


@pytest.mark.parametrize("shape", ["1,784", "data=1,x", "data=", "data=0,784"])
def test_a_shape_that_is_none_is_refused(ironworks: Run, model: Path, shape: str) -> None:
    ran = ironworks("compile", str(model), "--shape", shape)
    assert ran.returncode == 1
    assert ran.stderr.startswith(f"Error: --shape {shape} is no shape. ")


def test_an_unknown_target_is_refused(ironworks: Run, model: Path) -> None:
    ran = ironworks("compile", str(model), "--shape", "data=1,784", "--target", "ml_c99")
    assert ran.returncode == 1
    assert "ml_c99" in ran.stderr and "Traceback" not in ran.stderr


def test_a_sample_of_another_size_is_refused(ironworks: Run, model: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros(3))
    (tmp_path / "y.npy").write_text("hello")
    for name, problem in (
        ("x.npy", "the input data is [1, 784]"),
        ("y.npy", "cannot be read as .npy or .npz"),
    ):
        ran = ironworks("compile", str(model), "--shape", "data=1,784", "--sample", str(tmp_path / name))
        assert ran.returncode == 1
        assert problem in ran.stderr.replace("\n", " ")


def test_targets_are_listed(ironworks: Run) -> None:
    ran = ironworks("targets")
    assert ran.returncode == 0
    for name in [*TARGETS, "ml_inf1", "coreml"]:
        assert name in ran.stdout
    document = json.loads(ironworks("targets", "--json").stdout)
    assert [row["name"] for row in document["targets"]] == list(TARGETS)
    assert "Inferentia" in document["missing"]["ml_inf1"]
