"""`ironworks status`."""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import typer

from ironworks.cli.options import HomeOption, JsonOption, home_at
from ironworks.errors import PlatformError
from ironworks.home import Home
from ironworks.server.process import ServerRecord, running

NOT_RUNNING = 3
"""Exit code, as the Linux Standard Base gives it to `status` of a service that does not run."""

COUNTED = 1000
"""Resources of a kind that are counted at most, newest first."""

_KINDS = {
    "training jobs": ("list_training_jobs", "TrainingJobSummaries", "TrainingJobStatus"),
    "compilation jobs": ("list_compilation_jobs", "CompilationJobSummaries", "CompilationJobStatus"),
    "endpoints": ("list_endpoints", "Endpoints", "EndpointStatus"),
}


def status(as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Show the server and what it has to do. Exit code 0 when it runs, 3 when it does not."""
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
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    from ironworks.server.keys import Keys

    keys = Keys.open(home.keys)
    client = boto3.Session().client(
        "sagemaker",
        region_name="us-west-2",
        endpoint_url=record.url,
        aws_access_key_id=keys.access_key_id,
        aws_secret_access_key=keys.secret_access_key,
        config=Config(proxies={}, connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 1}),
    )
    try:
        return {kind: _count(client, *names) for kind, names in _KINDS.items()}
    except (BotoCoreError, ClientError) as error:
        raise PlatformError(
            f"The server (process {record.pid}) does not answer as it should: {error}. Its log: {home.server_log}"
        ) from error
    finally:
        client.close()


def _count(client: Any, operation: str, member: str, state: str) -> dict[str, int]:
    pages = client.get_paginator(operation).paginate(
        SortBy="CreationTime",
        SortOrder="Descending",
        PaginationConfig={"MaxItems": COUNTED, "PageSize": 100},
    )
    return dict(Counter(summary[state] for page in pages for summary in page[member]))


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
        "up for": _duration(facts["uptime_seconds"]),
        "memory": f"{facts['memory_bytes'] / 1e6:.0f} MB",
        "home": facts["home"],
        "objects": f"{facts['objects_bytes'] / 1e6:.1f} MB",
        **{kind: _states(facts[kind]) for kind in _KINDS},
    }
    return "\n".join(f"{name:18}{value}" for name, value in lines.items())


def _states(counts: dict[str, int]) -> str:
    total = sum(counts.values())
    if total == 0:
        return "none"
    parts = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    return f"{parts} (the newest {COUNTED})" if total == COUNTED else parts


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    shown = [f"{value} {unit}" for value, unit in parts if value] or ["0 s"]
    return " ".join(shown[:2])
