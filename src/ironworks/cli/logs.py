"""`ironworks logs`."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Annotated

import typer

from ironworks.cli.completion import logged_names
from ironworks.cli.connection import connect
from ironworks.cli.failures import FAILED, Misuse
from ironworks.cli.kinds import JOBS
from ironworks.cli.options import HomeOption, JsonOption, RegionOption
from ironworks.cli.screen import notes, plain

if TYPE_CHECKING:
    from ironworks.cli.following import Show
    from ironworks.cli.log_source import Source
    from ironworks.sdk.following import LogReader
    from ironworks.sdk.session import Session

_SPAN = re.compile(r"(\d+)\s*(s|min|m|h|d)")
_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def logs(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A job or an endpoint.", autocompletion=logged_names)
    ],
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what is printed, until the job has ended.")
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Begin at a time, 2026-11-24T18:00, or that long ago: 10min, 2h.",
            show_default=False,
        ),
    ] = None,
    tail: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Begin with the last N lines.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
    region: RegionOption = None,
    home: HomeOption = None,
) -> None:
    """Print what a job or an endpoint has printed.

    With -f the exit code is 1 when the job fails.

    ironworks logs mnist -f
    ironworks logs digits --since 10min --tail 100
    """
    from ironworks.cli import following
    from ironworks.cli.log_source import source_of
    from ironworks.sdk.following import LogReader

    start = _moment(since).timestamp() if since else 0
    session = connect(home, region)
    source = source_of(session, name)
    reader = LogReader(session, source.log)
    show = following.show_json if as_json else following.show_lines
    lines = (line for line in reader.read() if line.time >= start)
    last: Mapping[str, str] = {}
    try:
        show(source, lines if tail is None else deque(lines, maxlen=tail))
        if follow and source.description is not None:
            last = _follow(session, source.description[source.kind.arn], source, reader, show)
    except KeyboardInterrupt:
        if follow and source.kind in JOBS:
            notes().print(f"\nThe job goes on. To stop it: ironworks stop {source.name}")
        raise
    if source.kind in JOBS and last:
        _conclude(source, last)


def _follow(session: Session, arn: str, source: Source, reader: LogReader, show: Show) -> Mapping[str, str]:
    """Show lines until a job has ended, or what prints is deleted; the last that was known of it."""
    from ironworks.cli.following import changes, has_ended
    from ironworks.sdk.following import PAUSE_SECONDS

    last: Mapping[str, str] = {}
    for last in changes(session, arn):
        show(source, reader.read())
        if has_ended(source.kind, last["Status"]):
            break
        time.sleep(PAUSE_SECONDS)
    return last


def _conclude(source: Source, last: Mapping[str, str]) -> None:
    """Say how a job has ended, and end with it when it failed."""
    reason = f": {last['FailureReason']}" if last.get("FailureReason") else "."
    notes().print(plain(f"The {source.kind.label} {source.name} is {last['Status']}{reason}"), soft_wrap=True)
    if last["Status"].lower() == "failed":
        raise typer.Exit(FAILED)


def _moment(text: str) -> datetime:
    """A time, or that long before now.

    Raises:
        Misuse: it is neither.
    """
    span = _SPAN.fullmatch(text.strip())
    if span:
        return datetime.now(timezone.utc) - timedelta(seconds=int(span[1]) * _UNITS[span[2]])
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc)
    except ValueError:
        raise Misuse(
            f"--since {text} is no time. Write 2026-11-24T18:00, or how long ago: 30s, 10min, 2h, 1d."
        ) from None
