"""CloudWatch Logs: reading what jobs and endpoints print."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ironworks.control.logs import LogEvent, LogStream, NoSuchGroup, NoSuchStream, Window, is_cut
from ironworks.server.backend import Backend
from ironworks.server.call import Caller
from ironworks.server.errors import ServiceError
from ironworks.server.services.filter_pattern import FilterPattern, InvalidPattern
from ironworks.server.services.operations import Params

MOST_EVENTS = 10_000
MOST_GROUPS = 50
_EVENT_TOKEN = re.compile(r"[fb]/(-?\d{1,18})/(\d{1,18})")


def describe_log_groups(backend: Backend, caller: Caller, params: Params) -> Params:
    """A page of groups, by name; the token is the last name of the page before."""
    found = backend.platform.logs.groups(caller.region, params.get("logGroupNamePrefix", ""))
    pattern = params.get("logGroupNamePattern", "").lower()
    rest = [
        group for group in found if group[0] > params.get("nextToken", "") and pattern in group[0].lower()
    ]
    page = rest[: params.get("limit", MOST_GROUPS)]
    groups = [
        {
            "logGroupName": name,
            "creationTime": created,
            "metricFilterCount": 0,
            "storedBytes": 0,
            "arn": f"{_group_arn(caller, name)}:*",
            "logGroupArn": _group_arn(caller, name),
            "logGroupClass": "STANDARD",
        }
        for name, created in page
    ]
    return {"logGroups": groups, "nextToken": page[-1][0] if len(page) < len(rest) else None}


def describe_log_streams(backend: Backend, caller: Caller, params: Params) -> Params:
    """A page of a group's streams, by name or by their last event."""
    group = _group_name(params)
    with _missing_as_aws():
        found = list(
            backend.platform.logs.streams(caller.region, group, params.get("logStreamNamePrefix", ""))
        )
    if params.get("orderBy") == "LastEventTime":
        found.sort(key=lambda stream: (stream.last_event or 0, stream.name))
    if params.get("descending", False):
        found.reverse()
    start = _offset(params.get("nextToken"))
    end = start + params.get("limit", MOST_GROUPS)
    streams = [
        {
            "logStreamName": stream.name,
            "creationTime": stream.created,
            "firstEventTimestamp": stream.first_event,
            "lastEventTimestamp": stream.last_event,
            "lastIngestionTime": stream.last_ingestion,
            "arn": f"{_group_arn(caller, group)}:log-stream:{stream.name}",
            "storedBytes": 0,
        }
        for stream in found[start:end]
    ]
    return {"logStreams": streams, "nextToken": str(end) if end < len(found) else None}


def get_log_events(backend: Backend, caller: Caller, params: Params) -> Params:
    """Events of one stream. The token of the end, given again, answers no events and itself."""
    with _missing_as_aws():
        stream = backend.platform.logs.stream(caller.region, _group_name(params), params["logStreamName"])
    token = params.get("nextToken", "")
    position = _position(token) if token else None
    forward = token.startswith("f/") or (not token and params.get("startFromHead", False))
    window = Window(
        start=params.get("startTime"),
        end=params.get("endTime"),
        after=position if forward else None,
        before=position if not forward else None,
    )
    limit = params.get("limit", MOST_EVENTS)
    events = backend.platform.logs.events([stream.id], window, limit, newest=not forward)
    first, last = _ends(events, position)
    return {
        "events": [_event(event) for event in events],
        "nextForwardToken": f"f/{last[0]}/{last[1]}",
        "nextBackwardToken": f"b/{first[0]}/{first[1]}",
    }


def filter_log_events(backend: Backend, caller: Caller, params: Params) -> Params:
    """Events of a group's streams, merged by time, that a pattern of terms matches."""
    pattern = _pattern(params.get("filterPattern", ""))
    token = params.get("nextToken")
    window = Window(
        start=params.get("startTime"), end=params.get("endTime"), after=_position(token) if token else None
    )
    limit = params.get("limit", MOST_EVENTS)
    streams = {stream.id: stream.name for stream in _filtered_streams(backend, caller, params)}
    events = backend.platform.logs.events(streams, window, limit)
    matched = [event for event in events if pattern.matches(event.message)]
    last = events[-1] if is_cut(events, limit) else None
    return {
        "events": [
            {**_event(event), "logStreamName": streams[event.stream_id], "eventId": str(event.id)}
            for event in matched
        ],
        "searchedLogStreams": [],
        "nextToken": f"f/{last.timestamp}/{last.id}" if last is not None else None,
    }


def _filtered_streams(backend: Backend, caller: Caller, params: Params) -> list[LogStream]:
    prefix = params.get("logStreamNamePrefix", "")
    with _missing_as_aws():
        found = backend.platform.logs.streams(caller.region, _group_name(params), prefix)
    names = params.get("logStreamNames")
    return [stream for stream in found if names is None or stream.name in names]


def _pattern(text: str) -> FilterPattern:
    try:
        return FilterPattern.parse(text)
    except InvalidPattern as error:
        raise ServiceError("InvalidParameterException", str(error)) from None


@contextmanager
def _missing_as_aws() -> Iterator[None]:
    try:
        yield
    except (NoSuchGroup, NoSuchStream) as error:
        raise ServiceError("ResourceNotFoundException", str(error)) from None


def _group_name(params: Params) -> str:
    name: str = params.get("logGroupName") or params.get("logGroupIdentifier") or ""
    if not name:
        raise ServiceError("InvalidParameterException", "logGroupName or logGroupIdentifier must be given.")
    return name.removesuffix(":*").rpartition(":log-group:")[2]


def _group_arn(caller: Caller, name: str) -> str:
    return f"arn:aws:logs:{caller.region}:{caller.account}:log-group:{name}"


def _event(event: LogEvent) -> Params:
    return {"timestamp": event.timestamp, "message": event.message, "ingestionTime": event.ingestion}


def _ends(
    events: Sequence[LogEvent], position: tuple[int, int] | None
) -> tuple[tuple[int, int], tuple[int, int]]:
    if not events:
        here = position or (0, 0)
        return here, here
    return (events[0].timestamp, events[0].id), (events[-1].timestamp, events[-1].id)


def _position(token: str) -> tuple[int, int]:
    match = _EVENT_TOKEN.fullmatch(token)
    if match is None:
        raise ServiceError("InvalidParameterException", "The specified nextToken is invalid.")
    return int(match.group(1)), int(match.group(2))


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isascii() or not token.isdigit() or len(token) > 18:
        raise ServiceError("InvalidParameterException", "The specified nextToken is invalid.")
    return int(token)
