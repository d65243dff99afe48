"""Waiting for a job or an endpoint: each change as it happens, and the lines that it prints meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ironworks.cli.kinds import JOBS, Kind
from ironworks.cli.screen import as_json_line, output
from ironworks.cli.watching import print_line
from ironworks.sdk.errors import RequestRefused

if TYPE_CHECKING:
    from ironworks.cli.log_source import Source
    from ironworks.sdk.following import Line
    from ironworks.sdk.session import Session

Show = Callable[["Source", Iterable["Line"]], None]


def changes(session: Session, arn: str) -> Iterator[dict[str, Any]]:
    """What WaitForChange answers: the state now, and again after each change. Ends when the resource is deleted."""
    known: dict[str, str] = {}
    while True:
        try:
            answer = session.call("ironworks", "wait_for_change", ResourceArn=arn, **known)
        except RequestRefused as error:
            if error.code == "ResourceNotFoundException":
                return
            raise
        yield answer
        known = {"Version": answer["Version"]}


def has_ended(kind: Kind, status: str) -> bool:
    """Whether a job is over; an endpoint never is."""
    return kind in JOBS and status not in kind.running


def show_lines(source: Source, lines: Iterable[Line]) -> None:
    """Print lines behind the name of the process, in their own colours where the terminal has them."""
    console = output()
    for line in lines:
        label = source.label(line)
        if label or not line.text.isprintable():
            print_line(console, line, label)
        else:
            print(line.text)  # as most are, and rich takes a while for each
    sys.stdout.flush()


def show_json(_source: Source, lines: Iterable[Line]) -> None:
    """Print each line as a JSON object, with the names that CloudWatch Logs has for them."""
    for line in lines:
        time = datetime.fromtimestamp(line.time, timezone.utc)
        print(as_json_line({"timestamp": time, "logStreamName": line.stream, "message": line.text}))
    sys.stdout.flush()
