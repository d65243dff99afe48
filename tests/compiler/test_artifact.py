"""What an artifact is packed from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.compiler.report.conftest import MakeReport, report

from ironworks.compiler.artifact import write_page

__all__ = ["report"]


def test_a_name_with_half_a_character_is_written_nevertheless(report: MakeReport, tmp_path: Path) -> None:
    write_page(replace(report(), model="half \ud800 a character"), tmp_path / "report.html")
    assert "half ? a character" in (tmp_path / "report.html").read_text(encoding="utf-8")
