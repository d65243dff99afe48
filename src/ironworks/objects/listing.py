"""Pages of keys, with prefix and delimiter, straight from the index."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from ironworks.objects.tables import ObjectRow

_BATCH = 1000


@dataclass
class KeyPage:
    """Rows and rolled-up prefixes of a page; `next` is where the next one begins, exclusive."""

    rows: list[ObjectRow] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    next: str | None = None


def page(session: Session, bucket: str, prefix: str, delimiter: str, after: str, limit: int) -> KeyPage:
    """At most `limit` keys and common prefixes behind `after`, in the order of their UTF-8 bytes.

    Keys that share a prefix up to the delimiter count once and are not read one by one: the query goes on
    behind them.
    """
    found = KeyPage()
    last = ""
    if limit == 0:
        return found
    for row, common in _entries(session, bucket, prefix, delimiter, after, limit):
        if len(found.rows) + len(found.prefixes) == limit:
            found.next = last
            break
        if common is None:
            found.rows.append(row)
            last = row.key
        else:
            found.prefixes.append(common)
            last = common
    return found


def common_prefix(key: str, prefix: str, delimiter: str) -> str | None:
    """What `key` is rolled up under: up to the first delimiter behind `prefix`; None for itself."""
    end = key.find(delimiter, len(prefix)) if delimiter else -1
    return None if end < 0 else key[: end + len(delimiter)]


def _entries(
    session: Session, bucket: str, prefix: str, delimiter: str, after: str, limit: int
) -> Iterator[tuple[ObjectRow, str | None]]:
    position = max(prefix.encode(), _behind(after, prefix, delimiter))
    fetch = _fetcher(session, bucket, _successor(prefix.encode()), min(limit + 1, _BATCH))
    while rows := fetch(position):
        skip: bytes | None = None
        for row in rows:
            key = row.key.encode()
            if skip is not None and key < skip:
                continue
            common = common_prefix(row.key, prefix, delimiter)
            skip = None if common is None else _successor(common.encode())
            yield row, common
        position = max(rows[-1].key.encode() + b"\0", skip or b"")


def _fetcher(
    session: Session, bucket: str, end: bytes | None, batch: int
) -> Callable[[bytes], Sequence[ObjectRow]]:
    query = select(ObjectRow).where(ObjectRow.bucket == bucket).order_by(ObjectRow.key).limit(batch)
    if end is not None:
        query = query.where(ObjectRow.key < end)
    return lambda start: session.scalars(query.where(ObjectRow.key >= start)).all()


def _behind(after: str, prefix: str, delimiter: str) -> bytes:
    """The first possible key behind `after`; behind a common prefix, the first that it does not cover."""
    if not after:
        return b""
    covered = after.startswith(prefix) and common_prefix(after, prefix, delimiter) == after
    return (_successor(after.encode()) or b"\xff") if covered else after.encode() + b"\0"


def _successor(prefix: bytes) -> bytes | None:
    # The least bytes greater than everything that begins with `prefix`; UTF-8 has no byte 0xff to carry over.
    return prefix[:-1] + bytes([prefix[-1] + 1]) if prefix else None
