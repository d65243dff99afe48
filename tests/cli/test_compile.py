"""`ironworks compile` and `ironworks targets`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ironworks.compiler.targets import TARGETS
from ironworks.runtime import load
from tests.cli.conftest import Run
from tests.compiler.conftest import write_mlp


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


def test_several_batch_sizes_make_one_artifact_for_any_number_of_rows(
    ironworks: Run, model: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.tar.gz"
    ran = ironworks("compile", str(model), "--shape", "data=1,784", "--batch", "1,3", "-o", str(output))
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert [line for line in lines if line.startswith("batch")] == ["batch 1", "batch 3"]
    assert sum(line.startswith("→") for line in lines) == 2
    assert load(output).run(np.zeros((7, 784), np.float32))[0].shape == (7, 10)


@pytest.mark.parametrize(
    ("batch", "reason"),
    [("1,x", "--batch 1,x is no list of batch sizes"), ("0", "The batch size 0 is no number of rows")],
)
def test_batch_sizes_that_are_none_are_refused(ironworks: Run, model: Path, batch: str, reason: str) -> None:
    ran = ironworks("compile", str(model), "--shape", "data=1,784", "--batch", batch)
    assert (ran.returncode, ran.stderr.startswith(f"Error: {reason}")) == (1, True)


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


def examples(path: Path, **arrays: object) -> Path:
    np.savez(path, **{"data": np.random.default_rng(0).random((40, 784), np.float32), **arrays})
    return path


def test_accuracy_and_precision_are_shown(ironworks: Run, model: Path, tmp_path: Path) -> None:
    data = examples(tmp_path / "x.npz", labels=np.arange(40) % 10)
    options = [
        "--shape",
        "data=1,784",
        "--precision",
        "int8",
        "--tolerance",
        "int8=0.9",
        "--validate",
        str(data),
    ]
    ran = ironworks("compile", str(model), *options, "-o", str(tmp_path / "out.tar.gz"), COLUMNS="200")
    assert ran.returncode == 0, ran.stderr
    head, first, *rest = ran.stdout.splitlines()
    assert head.split()[-3:] == ["accuracy", "changed", "difference"]
    assert first.split()[-2] == "0" and first.split()[-3].startswith("0.")
    assert any(line.startswith("→  onnxruntime int8") for line in rest)
    assert "on 40 examples" in ran.stdout and "precision: int8" in ran.stdout
    assert load(tmp_path / "out.tar.gz").manifest.options["precision"].startswith("int8")


def test_calibration_data_and_tolerance_are_in_the_report(
    ironworks: Run, model: Path, tmp_path: Path
) -> None:
    data = examples(tmp_path / "x.npz")
    options = [
        "--shape",
        "data=1,784",
        "--precision",
        "int8",
        "--calibrate",
        str(data),
        "--tolerance",
        "1e-4",
    ]
    ran = ironworks("compile", str(model), *options, "-o", str(tmp_path / "out.tar.gz"), "--json")
    report = json.loads(ran.stdout)
    assert report["precision"]["calibrated_with"] == "40 batches of the calibration data"
    assert report["tolerances"]["float32"] == 1e-4
    assert report["validation"] is None


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--precision", "int8"], "The precision int8 needs examples"),
        (["--precision", "int4"], "There is no precision 'int4'"),
        (["--tolerance", "float32=off"], "The tolerance 'off' for float32 must be a number"),
        (["--validate", "absent.npz"], "The validation data absent.npz cannot be read"),
    ],
)
def test_options_that_cannot_be_followed_are_refused(
    ironworks: Run, model: Path, options: list[str], problem: str
) -> None:
    ran = ironworks("compile", str(model), "--shape", "data=1,784", *options)
    assert ran.returncode == 1
    assert problem in ran.stderr and "Traceback" not in ran.stderr


def test_targets_are_listed(ironworks: Run) -> None:
    ran = ironworks("targets")
    assert ran.returncode == 0
    for name in [*TARGETS, "ml_inf1", "coreml"]:
        assert name in ran.stdout
    document = json.loads(ironworks("targets", "--json").stdout)
    assert [row["name"] for row in document["targets"]] == list(TARGETS)
    assert "Inferentia" in document["missing"]["ml_inf1"]
