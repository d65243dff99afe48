"""The artifact: `manifest.json`, the compiled files, `report.json` and `report.html` in one `.tar.gz`.

The files of a model of several batch sizes lie in a folder for each engine, where more than one is needed.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ironworks.archives import pack
from ironworks.compiler.report import Report, ReportError
from ironworks.errors import ClientError
from ironworks.runtime import ArtifactError, Manifest, Tensor
from ironworks.runtime.artifact import unpack, verify
from ironworks.runtime.manifest import FILE_NAME, Variant

if TYPE_CHECKING:
    from ironworks.compiler.backends import Candidate
    from ironworks.compiler.trials import Trial

REPORT_NAME = "report.json"
PAGE_NAME = "report.html"


@dataclass(frozen=True)
class Contents:
    """What an artifact says of itself; `text` is its `report.json` as it was written."""

    manifest: Manifest
    report: Report
    text: str


def write_artifact(candidate: Candidate, manifest: Manifest, report: Report, output: Path) -> None:
    """Complete the candidate's folder with the report and `manifest.json`, and pack it into `output`."""
    _write(candidate.folder, manifest, report, output)


def write_batches(
    winners: Mapping[int, Trial],
    inputs: Sequence[Tensor],
    outputs: Sequence[Tensor],
    report: Report,
    output: Path,
) -> None:
    """Write the artifact of the winner of each batch size; `inputs` and `outputs` have any number of rows."""
    places = _places(winners)
    variants: list[Variant] = []
    versions: dict[str, str] = {}
    for size, trial in sorted(winners.items()):
        candidate = trial.candidate
        entry = (places[candidate.folder] / candidate.entry).as_posix()
        how = (candidate.engine, entry, candidate.options, candidate.instruction_sets)
        variants.append(Variant(size, *how, trial.microseconds))
        versions.update(trial.manifest.versions)
    first = winners[min(winners)].manifest
    manifest = replace(
        first,
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        variants=tuple(variants),
        versions=versions,
    )
    folder = _gathered(places)
    _write(folder, manifest, report, output)


def _places(winners: Mapping[int, Trial]) -> dict[Path, Path]:
    """Where in the artifact what each of the winners' folders has will be."""
    folders = list(dict.fromkeys(trial.candidate.folder for _, trial in sorted(winners.items())))
    if len(folders) == 1:
        return {folders[0]: Path()}
    engines = {trial.candidate.folder: trial.candidate.engine for trial in winners.values()}
    names = [engines[folder] for folder in folders]
    return {
        folder: Path(f"{name}-{number}" if names.count(name) > 1 else name)
        for number, (folder, name) in enumerate(zip(folders, names, strict=True), start=1)
    }


def _gathered(places: Mapping[Path, Path]) -> Path:
    """The folder with everything of the artifact."""
    first = next(iter(places))
    if len(places) == 1:
        return first
    gathered = first.with_name(f"{first.name}-artifact")
    gathered.mkdir()
    for folder, place in places.items():
        folder.rename(gathered / place)
    return gathered


def _write(folder: Path, manifest: Manifest, report: Report, output: Path) -> None:
    (folder / REPORT_NAME).write_text(report.to_json())
    write_page(report, folder / PAGE_NAME)
    checksums = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    (folder / FILE_NAME).write_text(replace(manifest, files=checksums).to_json())
    pack(folder, output)


def write_page(report: Report, path: Path) -> None:
    """Write the report as a page; half a character in a name, which UTF-8 has no bytes for, becomes `?`."""
    path.write_text(report.to_html(), encoding="utf-8", errors="replace")


def read_artifact(path: Path) -> Contents:
    """What the artifact at `path`, an archive or a folder, says of itself; it may be for another machine.

    Every file is compared with its checksum.

    Raises:
        ClientError: it is no artifact, it is damaged, or it has no report.
    """
    try:
        if path.is_dir():
            return _read(path, path)
        with tempfile.TemporaryDirectory(prefix="ironworks-artifact-") as folder:
            unpack(str(path), folder)
            return _read(Path(folder), path)
    except ArtifactError as error:
        raise ClientError(str(error)) from error


def _read(folder: Path, path: Path) -> Contents:
    if not (folder / FILE_NAME).is_file():
        raise ClientError(
            f"{path} holds no {FILE_NAME}, so it is not a compiled model. Give the folder or archive that a "
            "compilation wrote."
        )
    manifest = verify(str(folder), here=False)
    try:
        text = (folder / REPORT_NAME).read_text(encoding="utf-8")
        return Contents(manifest, Report.from_json(text), text)
    except OSError as error:
        raise ClientError(
            f"{path} has no {REPORT_NAME}, so nothing is known of its compilation. Compile the model again."
        ) from error
    except (ReportError, UnicodeDecodeError) as error:
        raise ClientError(
            f"The {REPORT_NAME} of {path} is damaged: {error}. Compile the model again."
        ) from error
