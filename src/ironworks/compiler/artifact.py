"""Writes the artifact: `manifest.json`, the compiled files, `report.json` and `report.html` in one `.tar.gz`."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from ironworks.archives import pack
from ironworks.compiler.backends import Candidate
from ironworks.compiler.report import Report
from ironworks.runtime import Manifest
from ironworks.runtime.manifest import FILE_NAME

REPORT_NAME = "report.json"
PAGE_NAME = "report.html"


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
