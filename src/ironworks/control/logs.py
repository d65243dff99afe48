"""Log groups, streams and events, as CloudWatch Logs keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    func,
    insert,
    select,
    tuple_,
)
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, mapped_column

from ironworks.database import Database, Table, utc_now
from ironworks.errors import IronworksError

Line = tuple[int, str]
"""Milliseconds since 1970, and the text."""

LARGEST_PAGE = 1024 * 1024
"""Characters; CloudWatch Logs answers 1 MB at a time too."""


class LogStream(Table):
    """The lines of one process. A group is there as long as it has streams."""

    __tablename__ = "log_streams"
    __table_args__ = (UniqueConstraint("region", "group_name", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    region: Mapped[str] = mapped_column(String(32))
    group_name: Mapped[str] = mapped_column(String(512))
    name: Mapped[str] = mapped_column(String(512))
    created: Mapped[int] = mapped_column(BigInteger)
    first_event: Mapped[int | None] = mapped_column(BigInteger)
    last_event: Mapped[int | None] = mapped_column(BigInteger)
    last_ingestion: Mapped[int | None] = mapped_column(BigInteger)


class LogEvent(Table):
    """One line."""

    __tablename__ = "log_events"
    __table_args__ = (Index("ix_log_events_order", "stream_id", "timestamp", "id"),)

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    stream_id: Mapped[int] = mapped_column(ForeignKey("log_streams.id", ondelete="CASCADE"))
    timestamp: Mapped[int] = mapped_column(BigInteger)
    ingestion: Mapped[int] = mapped_column(BigInteger)
    message: Mapped[str] = mapped_column(Text)


_EVENTS = Table.metadata.tables[LogEvent.__tablename__]


class NoSuchGroup(IronworksError):
    """No log group of that name."""


class NoSuchStream(IronworksError):
    """No log stream of that name in the group."""


@dataclass(frozen=True)
class Window:
    """Which events of a stream: `start <= timestamp < end` (milliseconds), and beyond the position `after` or
    `before` (timestamp, id), neither of them included."""

    start: int | None = None
    end: int | None = None
    after: tuple[int, int] | None = None
    before: tuple[int, int] | None = None


class Logs:
    """The logs of an installation, in its database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def append(self, region: str, group: str, stream: str, lines: Sequence[Line]) -> None:
        """Add lines, in order; the stream is made if it is not there."""
        with self.database.write() as session:
            append_lines(session, region, group, stream, lines)

    def groups(self, region: str, prefix: str = "") -> list[tuple[str, int]]:
        """The groups whose name starts with `prefix`, by name, each with the time it began (milliseconds)."""
        with self.database.read() as session:
            found = session.execute(
                select(LogStream.group_name, func.min(LogStream.created))
                .where(LogStream.region == region, _starts_with(LogStream.group_name, prefix))
                .group_by(LogStream.group_name)
                .order_by(LogStream.group_name)
            )
            return [(name, created) for name, created in found]

    def streams(self, region: str, group: str, prefix: str = "") -> Sequence[LogStream]:
        """The streams of a group whose name starts with `prefix`, by name.

        Raises:
            NoSuchGroup: nothing has been logged to the group.
        """
        in_group = select(LogStream).filter_by(region=region, group_name=group)
        with self.database.read() as session:
            found = session.scalars(
                in_group.where(_starts_with(LogStream.name, prefix)).order_by(LogStream.name)
            ).all()
            if not found and session.scalar(in_group.limit(1)) is None:
                raise NoSuchGroup("The specified log group does not exist.")
        return found

    def stream(self, region: str, group: str, name: str) -> LogStream:
        """One stream.

        Raises:
            NoSuchGroup, NoSuchStream: it is not there.
        """
        with self.database.read() as session:
            found = session.scalar(select(LogStream).filter_by(region=region, group_name=group, name=name))
        if found is not None:
            return found
        self.streams(region, group, name)
        raise NoSuchStream("The specified log stream does not exist.")

    def events(
        self, streams: Iterable[int], window: Window, limit: int, *, newest: bool = False
    ) -> Sequence[LogEvent]:
        """At most `limit` events of these streams, by time; the last ones of the window if `newest`.

        Fewer where they are long: with the event that brings their texts to `LARGEST_PAGE` characters it is enough.
        """
        query = select(LogEvent).where(LogEvent.stream_id.in_(list(streams)), *_within(window))
        if newest:
            query = query.order_by(LogEvent.timestamp.desc(), LogEvent.id.desc())
        else:
            query = query.order_by(LogEvent.timestamp, LogEvent.id)
        with self.database.read() as session:
            found = _page(session.scalars(query.limit(limit).execution_options(yield_per=500)))
        return found[::-1] if newest else found


def is_cut(events: Sequence[LogEvent], limit: int) -> bool:
    """Whether there may be more events than those that `Logs.events` answered."""
    return len(events) == limit or sum(len(event.message) for event in events) >= LARGEST_PAGE


def _page(events: Iterable[LogEvent]) -> list[LogEvent]:
    page: list[LogEvent] = []
    size = 0
    for event in events:
        page.append(event)
        size += len(event.message)
        if size >= LARGEST_PAGE:
            break
    return page


def _starts_with(column: InstrumentedAttribute[str], prefix: str) -> ColumnElement[bool]:
    # Not LIKE, for which "Job/" begins "job/…" on SQLite.
    return func.substr(column, 1, len(prefix)) == prefix


def append_lines(session: Session, region: str, group: str, stream: str, lines: Sequence[Line]) -> None:
    """Add lines to a stream as part of the session's transaction."""
    now = int(utc_now().timestamp() * 1000)
    row = session.scalar(select(LogStream).filter_by(region=region, group_name=group, name=stream))
    if row is None:
        row = LogStream(region=region, group_name=group, name=stream, created=now)
        session.add(row)
        session.flush()
    if lines:
        # Plain rows: through objects the same takes several times as long, and nobody else can write meanwhile.
        session.execute(
            insert(_EVENTS),
            [
                {"stream_id": row.id, "timestamp": timestamp, "ingestion": now, "message": message}
                for timestamp, message in lines
            ],
        )
        row.first_event = lines[0][0] if row.first_event is None else row.first_event
        row.last_event = lines[-1][0]
        row.last_ingestion = now


def _within(window: Window) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    position = tuple_(LogEvent.timestamp, LogEvent.id)
    if window.start is not None:
        conditions.append(LogEvent.timestamp >= window.start)
    if window.end is not None:
        conditions.append(LogEvent.timestamp < window.end)
    if window.after is not None:
        conditions.append(position > tuple_(*window.after))
    if window.before is not None:
        conditions.append(position < tuple_(*window.before))
    return conditions
