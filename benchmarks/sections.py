"""Pages that several benchmarks write: each has a section of its own between two comments."""

from __future__ import annotations

import re
from pathlib import Path


def write_section(page: Path, name: str, text: str) -> None:
    """Put `text` into the section `name` of a page; one that is not there is added at the end."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    section = f"{begin}\n{text.strip()}\n{end}\n"
    before = page.read_text() if page.exists() else ""
    found = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}\n?", re.DOTALL)
    if found.search(before):
        page.write_text(found.sub(lambda _: section, before, count=1))
    else:
        page.write_text(f"{before.rstrip()}\n\n{section}".lstrip())
