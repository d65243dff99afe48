"""The documentation is whole: it builds without a broken link, and names what the code knows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SOURCES = [path.read_text() for path in sorted((ROOT / "src").rglob("*.py"))]


def test_site_builds_and_every_link_leads_somewhere(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--site-dir",
        str(tmp_path / "site"),
    ]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    assert (tmp_path / "site" / "reference" / "api" / "index.html").is_file()


def test_every_variable_that_the_code_reads_is_documented() -> None:
    read = {name for text in SOURCES for name in re.findall(r'"((?:IRONWORKS|SAGEMAKER)_[A-Z_]+)"', text)}
    page = (DOCS / "configuration.md").read_text()
    assert sorted(name for name in read if name not in page) == []


def test_every_error_code_is_documented() -> None:
    codes = {code for text in SOURCES for code in re.findall(r'ServiceError\(\s*"(\w+)"', text)}
    assert len(codes) > 15
    page = (DOCS / "troubleshooting.md").read_text()
    assert sorted(code for code in codes if f"`{code}`" not in page) == []
