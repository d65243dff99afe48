"""What an artifact is packed from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.compiler.report.conftest import MakeReport, report

from ironworks.compiler.artifact import read_artifact, write_page

__all__ = ["report"]

KEPT = sorted((Path(__file__).parents[1] / "runtime" / "artifacts").glob("*.tar.gz"))


def test_a_name_with_half_a_character_is_written_nevertheless(report: MakeReport, tmp_path: Path) -> None:
    write_page(replace(report(), model="half \ud800 a character"), tmp_path / "report.html")
    assert "half ? a character" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.name)
def test_the_report_of_an_artifact_of_an_earlier_version_is_read_and_makes_a_page(path: Path) -> None:
    contents = read_artifact(path)
    assert contents.report.chosen.startswith(contents.manifest.engine)
    assert contents.report.chosen in contents.report.to_html()
