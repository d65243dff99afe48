"""Artifacts that earlier versions wrote still load, and still answer the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ironworks.runtime import Manifest, load
from ironworks.runtime.artifact import architecture
from ironworks.runtime.manifest import VERSIONS

ARTIFACTS = Path(__file__).parent / "artifacts"
KINDS = {"native", "onnxruntime", "trees"}
TOLERANCE = 1e-6
"""Another instruction set than the writer's may add in another order."""

runs_here = pytest.mark.skipif(architecture() != "x86_64", reason="the kept artifacts are for x86-64")


def kept(version: int) -> set[str]:
    """The kinds of artifacts of a version of the format."""
    return {path.name.split("-")[1].removesuffix(".tar.gz") for path in ARTIFACTS.glob(f"{version}-*.tar.gz")}


@runs_here
@pytest.mark.parametrize("path", sorted(ARTIFACTS.glob("*.tar.gz")), ids=lambda path: path.name)
def test_an_artifact_of_an_earlier_version_answers_as_it_did(path: Path) -> None:
    model = load(path)
    stored = np.load(path.with_name(path.name.removesuffix(".tar.gz") + ".npz"))
    assert {f"input_{item.name}" for item in model.inputs} | {
        f"output_{item.name}" for item in model.outputs
    } == set(stored)
    rows = len(stored[f"input_{model.inputs[0].name}"])
    assert rows > 1
    # All rows at once where the model takes any number of them, else one after the other.
    for row in [slice(None)] if model.inputs[0].any_rows else range(rows):
        answers = model.run({item.name: stored[f"input_{item.name}"][row] for item in model.inputs})
        for item, answer in zip(model.outputs, answers, strict=True):
            np.testing.assert_allclose(
                answer, stored[f"output_{item.name}"][row], rtol=TOLERANCE, atol=TOLERANCE
            )


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_of_the_format_is_kept(version: int) -> None:
    assert kept(version) >= KINDS, (
        "Write artifacts of the present format: python -m tests.runtime.artifacts.write"
    )


def test_the_manifest_of_version_1_is_read_as_it_was_written() -> None:
    text = (
        '{"format": "ironworks-compiled-model", "version": 1, "target": "ml_c5", "architecture": "x86_64", '
        '"engine": "native", "entry": "model.so", '
        '"inputs": [{"name": "data", "shape": [1, 784], "dtype": "float32"}], '
        '"outputs": [{"name": "softmax_output", "shape": [1, 10], "dtype": "float32"}], '
        '"instruction_sets": ["x86-64-v3", "x86-64-v4"], "options": {"layout": "table"}, '
        '"versions": {"ironworks": "0.1.0"}, "files": {"model.so": "00"}}'
    )
    manifest = Manifest.from_json(text)
    assert manifest.engine == "native"
    assert [str(item) for item in manifest.inputs] == ["data [1, 784] float32"]
    assert [str(item) for item in manifest.outputs] == ["softmax_output [1, 10] float32"]
    assert manifest.instruction_sets == ("x86-64-v3", "x86-64-v4")
    assert manifest.options == {"layout": "table"}
