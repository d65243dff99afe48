"""The tables of what exists: resources, their tags, and the processes of endpoints.

A resource keeps two documents in the form that the API speaks: `request`, what its creator sent, and
`state`, what has happened since. Describe is their union; a new kind of resource needs no new table.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ironworks.database import Table, UtcDateTime

Document = dict[str, Any]
"""JSON, with moments as seconds since 1970."""


class Resource(Table):
    """A training job, compilation job, model, endpoint configuration or endpoint."""

    __tablename__ = "resources"
    __table_args__ = (
        UniqueConstraint("kind", "region", "name"),
        Index("ix_resources_created", "kind", "region", "created_at", "id"),
        Index("ix_resources_modified", "kind", "region", "modified_at", "id"),
        Index("ix_resources_status", "kind", "status"),
        {"sqlite_autoincrement": True},  # folders are named after ids, so an id must never come again
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    region: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(256))
    arn: Mapped[str] = mapped_column(String(512), unique=True)
    status: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    modified_at: Mapped[datetime] = mapped_column(UtcDateTime)
    request: Mapped[Document] = mapped_column(JSON)
    state: Mapped[Document] = mapped_column(JSON)
    process: Mapped[Document | None] = mapped_column(JSON(none_as_null=True))
    """The handle of the job's agent, once it has been started."""


class Tag(Table):
    """A tag of a resource."""

    __tablename__ = "tags"

    arn: Mapped[str] = mapped_column(String(512), primary_key=True)
    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    value: Mapped[str] = mapped_column(String(256))


class Instance(Table):
    """One process that serves a variant of an endpoint."""

    __tablename__ = "instances"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    """`i-` and 17 hexadecimal digits, as EC2 names its instances."""
    endpoint_id: Mapped[int] = mapped_column(ForeignKey("resources.id", ondelete="CASCADE"), index=True)
    variant: Mapped[str] = mapped_column(String(64))
    generation: Mapped[int]
    """Of the plan that it was started for."""
    process: Mapped[Document] = mapped_column(JSON)
    ready: Mapped[bool]
    """It has answered."""
    ending: Mapped[bool]
    """It gets no more requests, and is told to end."""
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    log_offset: Mapped[int] = mapped_column(BigInteger)
    """Bytes of its log file that have reached the log stream."""
