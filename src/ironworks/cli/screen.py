"""What commands print: tables, facts, times and JSON, as wide as the terminal and plain where there is none."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

_UNLIMITED = 10_000
"""Columns. Into a file or a pipe nothing is folded, so that one line is one resource."""

_GOOD = frozenset({"Completed", "COMPLETED", "InService", "ready"})
_BAD = frozenset({"Failed", "FAILED", "OutOfService", "UpdateRollbackFailed"})
_ENDED = frozenset({"Stopped", "STOPPED"})


def output() -> Console:
    """Standard output."""
    from rich.console import Console

    return Console(
        file=sys.stdout, highlight=False, markup=False, width=None if sys.stdout.isatty() else _UNLIMITED
    )


def notes() -> Console:
    """Standard error: progress and what is not the result."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False)


def plain(text: object, style: str = "") -> Text:
    """Text that may be anybody's: no markup, and but for line ends no character that steers the terminal."""
    from rich.text import Text

    return Text("".join(one if one.isprintable() or one == "\n" else "�" for one in str(text)), style)


def state(status: str) -> Text:
    """A state in its colour."""
    if status in _GOOD:
        return plain(status, "green")
    if status in _BAD:
        return plain(status, "red")
    return plain(status, "dim" if status in _ENDED else "yellow")


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    right: Sequence[str] = (),
    folded: Sequence[str] | None = None,
) -> Table:
    """A table in which `folded` columns, if not given the first, take what space is left; the others never break."""
    from rich.table import Table
    from rich.text import Text

    found = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        breaks = column in (columns[:1] if folded is None else folded)
        found.add_column(
            column,
            overflow="fold",
            no_wrap=not breaks,
            min_width=12 if breaks else None,
            justify="right" if column in right else "left",
        )
    for row in rows:
        found.add_row(*(cell if isinstance(cell, Text) else plain(cell) for cell in row))
    return found


def facts(values: Mapping[str, object]) -> Table:
    """Names and values, one a line, and a list one line an item; those that are empty are left out."""
    from rich.table import Table
    from rich.text import Text

    found = Table.grid(padding=(0, 2, 0, 0))
    found.add_column(style="dim", no_wrap=True, min_width=12)
    found.add_column(overflow="fold")
    for name, value in values.items():
        lines = value if isinstance(value, list) else [value]
        shown = [line if isinstance(line, Text) else plain(line) for line in lines if line]
        if shown:
            found.add_row(name, Text("\n").join(shown))
    return found


def print_json(document: object) -> None:
    """JSON with AWS's member names; times are in ISO 8601, UTC."""
    print(json.dumps(document, indent=2, default=_as_json))


def as_json_line(document: object) -> str:
    """The same on one line."""
    return json.dumps(document, default=_as_json)


def moment(time: datetime | None) -> str:
    """Local date and time."""
    return "" if time is None else f"{time.astimezone():%Y-%m-%d %H:%M:%S}"


def age(time: datetime) -> str:
    """How long ago, in the largest unit that fits: `3 min ago`."""
    seconds = max(0.0, (datetime.now(timezone.utc) - time).total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return f"{int(seconds)} s ago"


def duration(seconds: float) -> str:
    """In two units: `2 h 14 min`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    shown = [f"{value} {unit}" for value, unit in parts if value] or ["0 s"]
    return " ".join(shown[:2])


def between(begin: datetime | None, end: datetime | None) -> str:
    """How long something took; up to now if it has not ended, and nothing if it has not begun."""
    if begin is None:
        return ""
    seconds = ((end or datetime.now(timezone.utc)) - begin).total_seconds()
    return f"{seconds:.1f} s" if seconds < 10 else duration(seconds)


def _as_json(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    raise TypeError(f"A {type(value).__name__} cannot be written as JSON.")
