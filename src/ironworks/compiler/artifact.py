"""The artifact: `manifest.json`, the compiled files, `report.json` and `report.html` in one `.tar.gz`."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ironworks.archives import pack
from ironworks.compiler.report import Report, ReportError
from ironworks.errors import ClientError
from ironworks.runtime import ArtifactError, Manifest
from ironworks.runtime.artifact import unpack, verify
from ironworks.runtime.manifest import FILE_NAME

if TYPE_CHECKING:
    from ironworks.compiler.backends import Candidate

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
    folder = candidate.folder
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
            unpack(path, Path(folder))
            return _read(Path(folder), path)
    except ArtifactError as error:
        raise ClientError(str(error)) from error


def _read(folder: Path, path: Path) -> Contents:
    if not (folder / FILE_NAME).is_file():
        raise ClientError(
            f"{path} holds no {FILE_NAME}, so it is not a compiled model. Give the folder or archive that a "
            "compilation wrote."
        )
    manifest = verify(folder, here=False)
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
