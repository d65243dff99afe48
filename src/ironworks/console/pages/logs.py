"""The log of a job or an endpoint: its newest lines, and those that come while one looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ironworks.console.visit import Visit
from ironworks.server.errors import ServiceError
from ironworks.server.http import Response

NEWEST = 500
"""Lines that a page shows at first."""
MOST_FOLLOWING = 5000
"""Lines that are appended at a time."""
MOST_STREAMS = 50


@dataclass(frozen=True)
class Source:
    """Whose log it is.

    Attributes:
        group: the log group.
        prefix: how the names of its streams begin; the whole name if there is but one.
        place: the path below the region that answers with `following`.
        live: whether there may be more lines.
    """

    group: str
    prefix: str
    place: tuple[str, ...]
    live: bool


@dataclass(frozen=True)
class Log:
    """A part of one log stream.

    Attributes:
        streams: the names of all of them, the newest first.
        events: `timestamp` (milliseconds since 1970) and `message`.
        cut: whether there were lines before.
        more: the URL of what comes next; empty when nothing will.
    """

    streams: Sequence[str]
    stream: str
    events: Sequence[dict[str, Any]]
    cut: bool
    more: str


async def newest(visit: Visit, source: Source) -> Log:
    """The newest lines of the stream that the query names, or else of the newest one."""
    streams = await _streams(visit, source)
    chosen = visit.query.get("stream")
    stream = chosen if chosen in streams else next(iter(streams), "")
    if not stream:
        return Log(streams, "", [], False, visit.link(*source.place) if source.live else "")
    answer = await _events(visit, source, stream)
    events = answer["events"]
    more = _more(visit, source, stream, answer) if source.live else ""
    return Log(streams, stream, events, len(events) == NEWEST, more)


async def following(visit: Visit, source: Source) -> Response:
    """The lines that have come since, for the page to append."""
    stream, token = visit.query.get("stream"), visit.query.get("token")
    if not stream or not token:  # until now there was no stream
        log = await newest(visit, source)
    else:
        answer = await _events(visit, source, stream, token)
        goes_on = source.live or bool(answer["events"])
        more = _more(visit, source, stream, answer) if goes_on else ""
        log = Log((), stream, answer["events"], False, more)
    return await visit.page("log_more.html", log=log)


def _more(visit: Visit, source: Source, stream: str, answer: dict[str, Any]) -> str:
    return visit.link(*source.place, stream=stream, token=answer["nextForwardToken"])


async def _events(visit: Visit, source: Source, stream: str, token: str | None = None) -> dict[str, Any]:
    return await visit.wire.call(
        "logs",
        "GetLogEvents",
        logGroupName=source.group,
        logStreamName=stream,
        nextToken=token,
        limit=MOST_FOLLOWING if token else NEWEST,
    )


async def _streams(visit: Visit, source: Source) -> list[str]:
    # Where the prefix is the whole name, other names may begin with it: it comes first by name.
    one = bool(source.prefix) and not source.prefix.endswith("/")
    try:
        answer = await visit.wire.call(
            "logs",
            "DescribeLogStreams",
            logGroupName=source.group,
            logStreamNamePrefix=source.prefix or None,
            orderBy="LogStreamName" if one else "LastEventTime",
            descending=not one,
            limit=1 if one else MOST_STREAMS,
        )
    except ServiceError as error:
        if error.code == "ResourceNotFoundException":  # nothing has been logged yet
            return []
        raise
    names = [stream["logStreamName"] for stream in answer["logStreams"]]
    return [name for name in names if name == source.prefix] if one else names
