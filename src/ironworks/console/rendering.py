"""Templates, and how numbers and moments are written in them."""

from __future__ import annotations

import hashlib
import math
import time
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader

from ironworks import __version__
from ironworks.console.urls import link
from ironworks.drawing import stylesheet
from ironworks.drawing.markup import Html, element

STATIC = Path(__file__).with_name("static")
_PARTS = "parts.css"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".txt": "text/plain"}

_STATES = {
    "Completed": "good", "COMPLETED": "good", "InService": "good",
    "Failed": "bad", "FAILED": "bad", "RollingBack": "bad", "UpdateRollbackFailed": "bad",
    "Stopped": "over", "STOPPED": "over",
}  # fmt: skip
"""How a status is marked; any other one is a state that something is in the middle of."""


def render(template: str, **values: Any) -> str:
    """The text of a template. Every value in it is escaped, unless it is `Html`."""
    return _environment().get_template(template).render(**values)


def static_file(name: str) -> tuple[bytes, str] | None:
    """The content and content type of a static file; None if there is none of that name."""
    kind = _TYPES.get(Path(name).suffix, "")
    if name == _PARTS:
        return stylesheet().encode(), f"{kind}; charset=utf-8"
    # A name is compared with those that are there, so it cannot lead out of the folder.
    path = next((path for path in STATIC.iterdir() if path.name == name), None)
    return None if path is None or not kind else (path.read_bytes(), f"{kind}; charset=utf-8")


@cache
def static(name: str) -> str:
    """The URL of a static file. It changes with the content, so browsers keep it for good."""
    found = static_file(name)
    if found is None:
        raise LookupError(f"There is no static file {name}")
    return link("static", name, v=hashlib.sha256(found[0]).hexdigest()[:12])


def moment(seconds: float | None) -> Html:
    """A moment in UTC, seconds since 1970."""
    if not seconds:
        return Html("–")
    when = datetime.fromtimestamp(seconds, timezone.utc)
    return element(
        "time", f"{when:%Y-%m-%d %H:%M:%S}", datetime=when.isoformat(timespec="seconds"), title="UTC"
    )


def clock(seconds: float) -> str:
    """The time of a moment in UTC, seconds since 1970."""
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%H:%M:%S}"


def ago(seconds: float | None) -> Html:
    """How long ago a moment is; the moment itself is its title."""
    if not seconds:
        return Html("–")
    when = datetime.fromtimestamp(seconds, timezone.utc)
    past = duration(max(0.0, time.time() - seconds))
    return element(
        "time",
        f"{past} ago",
        datetime=when.isoformat(timespec="seconds"),
        title=f"{when:%Y-%m-%d %H:%M:%S} UTC",
    )


def duration(seconds: float | None) -> str:
    """`40 ms`, `1.2 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`."""
    if seconds is None:
        return "–"
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    while parts and not parts[0][0]:
        del parts[0]
    return " ".join(f"{value} {unit}" for value, unit in parts[:2] if value)


def size(count: float) -> str:
    """Bytes as `12.3 MB`."""
    power = min(4, int(math.log10(max(1.0, count))) // 3)
    return f"{count / 1000**power:.{1 if power else 0}f} {('B', 'kB', 'MB', 'GB', 'TB')[power]}"


def status(name: str) -> Html:
    """A status with its mark; the word says it too, for those who do not see the colour."""
    return element("span", name, class_=f"status {_STATES.get(name, 'busy')}")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("ironworks.console"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        moment=moment, clock=clock, ago=ago, duration=duration, size=size, status=status
    )
    environment.globals.update(static=static, link=link, version=__version__)
    return environment
