"""HTML and SVG for the report of a compilation and for the console: escaped by construction, without inline styles.

`markup` makes elements, `bars` and `curves` draw; `parts.css` is how all of it looks, light and dark.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def stylesheet() -> str:
    """The text of `parts.css`."""
    return Path(__file__).with_name("parts.css").read_text(encoding="utf-8")
