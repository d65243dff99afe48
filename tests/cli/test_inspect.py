"""`ironworks inspect`."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ironworks.cli import app
from ironworks.compiler.report import BatchReport, Report
from ironworks.compiler.validation.accuracy import Grade, Validation
from ironworks.errors import ClientError
from ironworks.runtime import Manifest, Tensor
from tests.cli.conftest import Run
from tests.compiler.conftest import write_mlp
from tests.compiler.report.conftest import MakeReport, candidate, comparison, report

__all__ = ["report"]

KEPT = Path(__file__).parents[1] / "runtime" / "artifacts" / "1-native.tar.gz"
TENSOR = Tensor("x", (1, 4), "float32")

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, report: MakeReport) -> Write:
    """Writes the folder of an artifact, without something that runs."""

    def make(text: str | None = None, architecture: str = "aarch64", **changes: Any) -> Path:
        folder = tmp_path / "artifact"
        folder.mkdir()
        files = {"model.so": "nothing", "report.json": report(**changes).to_json() if text is None else text}
        for name, content in files.items():
            (folder / name).write_text(content)
        checksums = {name: hashlib.sha256(content.encode()).hexdigest() for name, content in files.items()}
        manifest = Manifest(
            "rasp4b", architecture, "native", "model.so", (TENSOR,), (TENSOR,), ("armv8-a",), files=checksums
        )
        (folder / "manifest.json").write_text(manifest.to_json())
        return folder

    return make


def shown(path: Path, *options: str) -> str:
    ran = CliRunner().invoke(app, ["inspect", str(path), *options], catch_exceptions=False)
    assert ran.exit_code == 0
    return ran.output


def refused(path: Path) -> str:
    with pytest.raises(ClientError) as refusal:
        CliRunner().invoke(app, ["inspect", str(path)], catch_exceptions=False)
    return str(refusal.value)


def test_an_artifact_for_another_machine_is_shown_whole(write: Write) -> None:
    wrong = candidate("mnn", None, "its output y is off by 1", [comparison(absolute=1.0, relative=0.5)])
    fast = candidate("native", 4.0, "", [comparison(), comparison("zeros", rows=0, argmax_equal=0)])
    text = shown(write(candidates=(wrong, fast, candidate("openvino", 9.0))))
    lines = [line.rstrip() for line in text.splitlines()]
    words = [line.split() for line in lines]
    for line in (
        "model.onnx for ml_c5",
        "takes x [1, 4] float32",
        "runs on native (armv8-a)",
        "operators 1 Gemm, 1 Identity",
        "graph 2 nodes, 1 after the passes (drop_identity 1)",
        "verified against MXNet 1.9.1",
        "compiled 2026-11-24 15:16:40 UTC",
        "on A processor, 2 cores",
        "native is the faster of the 2 candidates that are equal to the original: 4.00",
        "→ native 4.00 µs 5.0e-08",
        "openvino 9.00 µs 5.0e-08",
        "mnn not timed 5.0e-01 dropped",
        "MXNet 1.9.1 200 µs the original",
        "mnn its output y is off by 1",
        "trees the model has none",
        "normal 1.0e-07 5.0e-08 1.0e-06 1 of 1 equal",
        "zeros 1.0e-07 5.0e-08 1.0e-06 – equal",
        "import 500 ms",
        "together 2.00 s",
        "It ends in a softmax.",
    ):
        assert line.split() in words, line
    assert max(map(len, lines)) <= 80


def test_an_archive_of_an_earlier_version_is_shown(ironworks: Run) -> None:
    ran = ironworks("inspect", str(KEPT))
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("A model for LINUX_X86_64\n")
    assert "native is the only candidate that is equal to the original" in ran.stdout


def test_everything_is_there_as_json(write: Write) -> None:
    document = json.loads(shown(write(), "--json"))
    assert document["manifest"]["architecture"] == "aarch64"
    assert document["report"]["chosen"] == "native"
    assert document["report"]["before"]["nodes"][0][0] == "Gemm"
    assert document["reason"].startswith("native is the faster")


def test_the_page_is_written_on_request(write: Write, report: MakeReport, tmp_path: Path) -> None:
    folder = write()
    assert f"The report as a page: {tmp_path / 'a.html'}" in shown(
        folder, "--html", str(tmp_path / "a.html")
    ).replace("\n", " ")
    assert json.loads(shown(folder, "--html", str(tmp_path / "b.html"), "--json"))
    for name in ("a.html", "b.html"):
        assert (tmp_path / name).read_text(encoding="utf-8") == report().to_html()


def test_names_cannot_steer_the_terminal(write: Write) -> None:
    text = shown(write(model="[red]\x1b[2J\x1b]0;x\x07", findings=("\x1b[31mred\u202e",)))
    assert "\x1b" not in text and "\x07" not in text and "\u202e" not in text
    assert text.startswith("[red]�[2J�]0;x� for ml_c5")


def packed(folder: Path) -> Path:
    path = folder.with_suffix(".tar.gz")
    with tarfile.open(path, "w:gz") as tar:
        tar.add(folder, arcname="")
    return path


def test_what_is_no_artifact_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.tar.gz").startswith("There is no compiled model at")
    (tmp_path / "x.tar.gz").write_text("hello")
    assert "x.tar.gz is not a compiled model: it is no readable archive" in refused(tmp_path / "x.tar.gz")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.onnx").write_text("x")
    for path in (folder, packed(folder)):
        assert refused(path).startswith(f"{path} holds no manifest.json, so it is not a compiled model.")


def test_an_artifact_without_a_report_says_so(write: Write) -> None:
    folder = write()
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["files"]["report.json"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "report.json").unlink()
    for path in (folder, packed(folder)):
        assert refused(path).startswith(f"{path} has no report.json, so nothing is known of its compilation.")


def test_a_damaged_artifact_says_what_is_damaged(write: Write) -> None:
    folder = write()
    (folder / "model.so").write_text("changed")
    assert "model.so has SHA-256" in refused(folder) and "changed or damaged" in refused(folder)
    (folder / "model.so").unlink()
    assert "lacks its file model.so" in refused(folder)


@pytest.mark.parametrize(
    ("text", "reason"), [("{", "it is no JSON"), ("{}", "it lacks framework"), ('{"framework": 1}', "is 1")]
)
def test_a_damaged_report_says_where(write: Write, text: str, reason: str) -> None:
    folder = write(text)
    message = refused(folder)
    assert message.startswith(f"The report.json of {folder} is damaged: ") and reason in message


def test_an_artifact_of_a_later_format_is_refused_by_its_version(write: Write) -> None:
    folder = write()
    manifest = json.loads((folder / "manifest.json").read_text()) | {"version": 99}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert "format version 99" in refused(folder)


def test_an_error_is_one_message(ironworks: Run, tmp_path: Path) -> None:
    ran = ironworks("inspect", str(tmp_path / "none.tar.gz"))
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("Error: There is no compiled model at") and "Traceback" not in ran.stderr


def test_a_page_is_in_the_artifact_that_is_compiled(ironworks: Run, tmp_path: Path) -> None:
    mlp = write_mlp(tmp_path / "mlp")
    output, page = tmp_path / "out.tar.gz", tmp_path / "page.html"
    options = ["--shape", "data=1,784", "-o", str(output), "--html", str(page)]
    ran = ironworks("compile", str(mlp), *options)
    assert ran.returncode == 0, ran.stderr
    with tarfile.open(output) as tar:
        inside = tar.extractfile("report.html").read().decode()
        written = Report.from_json(tar.extractfile("report.json").read())
    assert page.read_text(encoding="utf-8") == inside == written.to_html()
    assert written.model == "mlp" and written.machine.cores >= 1 and written.versions["ironworks"]
    assert written.before.count == 7 and written.after.count == 6
    assert "mlp for LINUX_X86_64" in ironworks("inspect", str(output)).stdout


def test_batch_sizes_and_accuracy_are_shown(write: Write) -> None:
    graded = replace(candidate("native", 4.0), validation=Grade(100, 0.97, 0.96, 2, 0.5))
    batches = [BatchReport(8, [candidate("native", 16.0)], {}, "native", None)]
    made = write(candidates=[graded], validation=Validation(100, "y", 0.97), batches=batches)
    text = shown(made)
    assert "Batch sizes" in text and "2.00 µs" in text
    assert "Accuracy" in text and "0.9600" in text and "0.9700" in text
