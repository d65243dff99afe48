"""`ironworks status`."""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import typer

from ironworks.cli.connection import connect
from ironworks.cli.failures import NOT_RUNNING
from ironworks.cli.kinds import COMPILATION, ENDPOINT, TRAINING
from ironworks.cli.options import HomeOption, JsonOption, home_at
from ironworks.cli.screen import duration
from ironworks.errors import PlatformError
from ironworks.home import Home
from ironworks.server.process import ServerRecord, running

COUNTED = 1000
"""Resources of a kind that are counted at most, newest first."""

_KINDS = (TRAINING, COMPILATION, ENDPOINT)


def status(as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Show the server and what it has to do.

    Exit code 0 when it runs, 3 when it does not.
    """
    place = home_at(home)
    record = running(place)
    facts = _facts(place, record)
    typer.echo(json.dumps(facts, indent=2) if as_json else _text(facts))
    if record is None:
        raise typer.Exit(NOT_RUNNING)


def _facts(home: Home, record: ServerRecord | None) -> dict[str, Any]:
    if record is None:
        return {"running": False, "home": str(home.path)}
    import psutil

    return {
        "running": True,
        "home": str(home.path),
        "url": record.url,
        "pid": record.pid,
        "version": record.version,
        "uptime_seconds": round(time.time() - record.started, 1),
        "memory_bytes": psutil.Process(record.pid).memory_info().rss,
        "objects_bytes": _size(home.objects),
        **_census(home, record),
    }


def _census(home: Home, record: ServerRecord) -> dict[str, dict[str, int]]:
    """How many resources of each kind are in which state, asked like any client asks."""
    from botocore.exceptions import BotoCoreError, ClientError

    sagemaker = connect(home.path).client("sagemaker")
    try:
        return {
            f"{kind.label}s": dict(Counter(one[kind.status] for one in kind.list(sagemaker, COUNTED)))
            for kind in _KINDS
        }
    except (BotoCoreError, ClientError) as error:
        raise PlatformError(
            f"The server (process {record.pid}) does not answer as it should: {error}. "
            f"Its log: {home.server_log}"
        ) from error


def _size(folder: Path) -> int:
    """Bytes of the files below a folder."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # deleted while we walk
            if path.is_file():
                total += path.stat().st_size
    return total


def _text(facts: dict[str, Any]) -> str:
    if not facts["running"]:
        return f"No server runs on {facts['home']}. Start it: ironworks up"
    lines = {
        "server": f"{facts['url']} (process {facts['pid']}, version {facts['version']})",
        "up for": duration(facts["uptime_seconds"]),
        "memory": f"{facts['memory_bytes'] / 1e6:.0f} MB",
        "home": facts["home"],
        "objects": f"{facts['objects_bytes'] / 1e6:.1f} MB",
        **{f"{kind.label}s": _states(facts[f"{kind.label}s"]) for kind in _KINDS},
    }
    return "\n".join(f"{name:18}{value}" for name, value in lines.items())


def _states(counts: dict[str, int]) -> str:
    total = sum(counts.values())
    if total == 0:
        return "none"
    parts = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    return f"{parts} (the newest {COUNTED})" if total == COUNTED else parts
