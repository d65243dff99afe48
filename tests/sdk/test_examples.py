"""The notebooks beside the training script: as they are kept, and as they run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.installation import MNIST, Installation

OURS, SAGEMAKERS = MNIST / "mnist_neo.ipynb", MNIST / "mnist_sagemaker_v1.ipynb"


def code_cells(path: Path) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def printed(path: Path) -> str:
    return "".join("".join(output.get("text", "")) for cell in code_cells(path) for output in cell["outputs"])


@pytest.mark.parametrize("path", [OURS, SAGEMAKERS], ids=lambda path: path.stem)
def test_a_notebook_is_kept_with_what_it_showed(path: Path) -> None:
    cells = code_cells(path)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert "error" not in [output["output_type"] for output in outputs]
    assert "Validation-accuracy=" in printed(path)


def test_ours_shows_a_seven_and_the_picture() -> None:
    assert "Most likely: 7" in printed(OURS)
    assert any(
        "image/png" in output.get("data", {}) for cell in code_cells(OURS) for output in cell["outputs"]
    )


def test_the_notebook_of_the_sagemaker_sdk_has_the_cells_that_the_acceptance_tests_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(MNIST))
    from cells import cells  # type: ignore[import-not-found]

    expected = [
        "\n".join(code.strip().splitlines()[1:]).strip() for _, code in cells(MNIST / "notebook_v1.py")
    ]
    assert [source(cell) for cell in code_cells(SAGEMAKERS)] == expected


def test_ours_runs_from_its_first_cell_to_its_last(installation: Installation, tmp_path: Path) -> None:
    """With fewer rounds of training and of measuring."""
    text = "\n".join(source(cell) for cell in code_cells(OURS))
    for long, short in (
        ('"epochs": 10', '"epochs": 2'),
        ("TRIALS, REQUESTS = 30, 100", "TRIALS, REQUESTS = 2, 5"),
    ):
        assert text.count(long) == 1
        text = text.replace(long, short)
    (tmp_path / "mnist.py").write_bytes((MNIST / "mnist.py").read_bytes())
    environ = {**os.environ, "IRONWORKS_HOME": str(installation.home), "MPLBACKEND": "agg"}
    ran = subprocess.run(
        [sys.executable, "-c", text], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Most likely: 7" in ran.stdout
    assert "original (MXNet)" in ran.stdout
