"""What of a resource a caller may wait for: a short text that is another one after every change."""

from __future__ import annotations

from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.orm import Session

from ironworks.control import compilation_jobs, endpoints, training_jobs
from ironworks.control.logs import LogStream
from ironworks.control.platform import Platform
from ironworks.control.records import Resource


def read(platform: Platform, arn: str) -> tuple[Resource, str] | None:
    """The resource and its version: when it changed last, and how far its log goes. None if it is gone."""
    with platform.database.read() as session:
        resource = session.scalar(select(Resource).filter_by(arn=arn))
        if resource is None:
            return None
        return resource, f"{resource.id}-{resource.modified_at.timestamp():.6f}-{_log_end(session, resource)}"


def _log_end(session: Session, resource: Resource) -> str:
    streams = _streams(resource)
    if streams is None:
        return ""
    group, mine = streams
    ends = select(func.count(), func.sum(LogStream.last_ingestion), func.sum(LogStream.last_event)).where(
        LogStream.region == resource.region, LogStream.group_name == group, mine
    )
    return ".".join(str(value or 0) for value in session.execute(ends).one())


def _streams(resource: Resource) -> tuple[str, ColumnElement[bool]] | None:
    """The log group of a resource, and which of its streams are the resource's."""
    if resource.kind == training_jobs.KIND:
        prefix = f"{resource.name}/"
        return training_jobs.LOG_GROUP, func.substr(LogStream.name, 1, len(prefix)) == prefix
    if resource.kind == compilation_jobs.KIND:
        return compilation_jobs.LOG_GROUP, LogStream.name == resource.name
    if resource.kind == endpoints.KIND:
        return f"{endpoints.LOG_GROUP}/{resource.name}", true()
    return None
