"""Conditional requests and ranges (RFC 9110, sections 13 and 14, as far as S3 follows them)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ironworks.objects import Condition, ObjectInfo
from ironworks.objects.errors import InvalidRange, PreconditionFailed
from ironworks.server.errors import ServiceError

_RANGE = re.compile(r"\s*bytes\s*=\s*([0-9]*)\s*-\s*([0-9]*)\s*")
_BEYOND = 2**63
"""Stands for positions behind the end of any object: `int` refuses digits without end."""


def not_modified(info: ObjectInfo, members: Mapping[str, Any], prefix: str = "") -> bool:
    """Evaluate If-Match, If-Unmodified-Since, If-None-Match, If-Modified-Since, in that order.

    `prefix` is that of the members' names: `CopySource` in a copy.

    Raises:
        PreconditionFailed: one of the first two does not hold.
    """
    modified = info.modified.replace(microsecond=0)
    match, none_match = members.get(f"{prefix}IfMatch"), members.get(f"{prefix}IfNoneMatch")
    unmodified: datetime | None = members.get(f"{prefix}IfUnmodifiedSince")
    since: datetime | None = members.get(f"{prefix}IfModifiedSince")
    if match is not None:
        if not _names(match, info.etag):
            raise PreconditionFailed("If-Match")
    elif unmodified is not None and modified > unmodified:
        raise PreconditionFailed("If-Unmodified-Since")
    if none_match is not None:
        return _names(none_match, info.etag)
    return since is not None and modified <= since


def write_condition(members: Mapping[str, Any]) -> Condition:
    """If-Match and If-None-Match of a request that writes.

    Raises:
        ServiceError: `NotImplemented`, If-None-Match is not `*`: S3 takes no other.
    """
    none_match = members.get("IfNoneMatch")
    if none_match not in (None, "*"):
        raise ServiceError(
            "NotImplemented", "If-None-Match with a value other than * is not supported for writes.", 501
        )
    match = members.get("IfMatch")
    return Condition(match=None if match is None else unquote(match), absent=none_match is not None)


def parse_range(text: str | None, size: int) -> tuple[int, int] | None:
    """First and last-plus-one byte of a Range header; None when there is none, or one that is to be ignored.

    Raises:
        InvalidRange: no byte of the object is in it.
    """
    match = _RANGE.fullmatch(text or "")
    if match is None or match.group(1) == match.group(2) == "":
        return None
    first, last = (_position(digits) for digits in match.groups())
    if first is None:
        span = max(0, size - (last or 0)), size
    else:
        span = first, size if last is None else min(last + 1, size)
        if last is not None and last < first:
            return None
    if span[0] >= span[1]:
        raise InvalidRange(size)
    return span


def unquote(etag: str) -> str:
    """An ETag without its quotation marks."""
    return etag.strip().removeprefix("W/").strip('"')


def _position(digits: str) -> int | None:
    if not digits:
        return None
    return int(digits) if len(digits) < 19 else _BEYOND


def _names(header: str, etag: str) -> bool:
    return header.strip() == "*" or any(unquote(item) == etag for item in header.split(","))
