"""The notebook of the SageMaker SDK 1.x on our SDK: its import lines changed, and nothing else."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.installation import MNIST

ORIGINAL = MNIST / "notebook_v1.py"
EPOCHS = 2


@dataclass(frozen=True)
class Ran:
    """What a notebook left: its variables, what it printed, and the notes that the SDK gave."""

    variables: dict[str, Any]
    printed: str
    notes: list[str]


def ported_source() -> str:
    """The notebook with `ironworks` where its import lines have `sagemaker`."""
    return re.sub(r"^(from|import) sagemaker\b", r"\1 ironworks", ORIGINAL.read_text(), flags=re.MULTILINE)


def run_ported(folder: Path, patch: pytest.MonkeyPatch) -> Ran:
    """Run it in `folder`, beside a training script that stops after two rounds."""
    script = (MNIST / "mnist.py").read_text()
    shorter = script.replace('"--epochs", type=int, default=10', f'"--epochs", type=int, default={EPOCHS}')
    assert shorter != script
    (folder / "mnist.py").write_text(shorter)
    patch.chdir(folder)
    variables: dict[str, Any] = {"__name__": "__main__"}
    printed = io.StringIO()
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(printed):
        warnings.simplefilter("always")
        exec(compile(ported_source(), str(ORIGINAL), "exec"), variables)
    return Ran(variables, printed.getvalue(), [str(warning.message) for warning in caught])
