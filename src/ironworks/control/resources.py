"""What exists: creating, reading, listing, changing and removing resources."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute

from ironworks.control.records import Document, Resource, Tag
from ironworks.database import Database, utc_now
from ironworks.errors import IronworksError


class AlreadyExists(IronworksError):
    """A resource of that kind and name is there already."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"{arn} already exists")
        self.arn = arn


class NotFound(IronworksError):
    """No resource of that kind and name."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"There is no {kind} {name}")
        self.kind = kind
        self.name = name


class InvalidToken(IronworksError):
    """A NextToken that no listing gave out."""


@dataclass(frozen=True)
class Listing:
    """What to list, in which order, and where to go on.

    `sort_by` is `name`, `created_at`, `modified_at` or `status`; ties are broken by age.
    """

    kind: str
    region: str
    sort_by: str = "created_at"
    descending: bool = True
    limit: int = 10
    token: str | None = None
    name_contains: str | None = None
    status: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    modified_after: datetime | None = None
    modified_before: datetime | None = None


class Resources:
    """The resources of an installation, in its database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def create(
        self, kind: str, region: str, name: str, arn: str, *, status: str, request: Document, state: Document
    ) -> Resource:
        """Store a new resource; the request's `Tags` become its tags.

        Raises:
            AlreadyExists: the name is taken.
        """
        now = utc_now()
        resource = Resource(
            kind=kind, region=region, name=name, arn=arn, status=status,
            created_at=now, modified_at=now, request=request, state=state,
        )  # fmt: skip
        try:
            with self.database.write() as session:
                session.add(resource)
                session.flush()
                for tag in request.get("Tags", []):
                    session.merge(Tag(arn=arn, key=tag["Key"], value=tag["Value"]))
        except IntegrityError:
            raise AlreadyExists(arn) from None
        return resource

    def get(self, kind: str, region: str, name: str) -> Resource:
        """One resource.

        Raises:
            NotFound: there is none of that name.
        """
        with self.database.read() as session:
            resource = session.scalar(select(Resource).filter_by(kind=kind, region=region, name=name))
        if resource is None:
            raise NotFound(kind, name)
        return resource

    def get_by_arn(self, arn: str) -> Resource | None:
        """The resource with that ARN, if there is one."""
        with self.database.read() as session:
            return session.scalar(select(Resource).filter_by(arn=arn))

    def exists(self, resource_id: int) -> bool:
        """Whether the resource is still there."""
        with self.database.read() as session:
            return session.get(Resource, resource_id) is not None

    def status(self, resource_id: int) -> str | None:
        """The status of the resource as it is now; None if it is gone."""
        with self.database.read() as session:
            return session.scalar(select(Resource.status).filter_by(id=resource_id))

    def with_status(self, kind: str, *statuses: str) -> Sequence[Resource]:
        """All resources of a kind in one of these states, oldest first."""
        with self.database.read() as session:
            found = select(Resource).where(Resource.kind == kind, Resource.status.in_(statuses))
            return session.scalars(found.order_by(Resource.id)).all()

    def change(self, resource_id: int, change: Callable[[Resource], None]) -> Resource | None:
        """Apply `change` to the resource as it is now, alone; None if it is gone.

        `change` may replace `status`, `state` and `process`; what it leaves equal is not written.
        """
        with self.database.write() as session:
            resource = session.get(Resource, resource_id)
            if resource is None:
                return None
            change(resource)
            if session.is_modified(resource):
                resource.modified_at = utc_now()
            return resource

    def delete(self, resource: Resource) -> None:
        """Remove a resource and its tags."""
        with self.database.write() as session:
            session.execute(delete(Tag).where(Tag.arn == resource.arn))
            session.execute(delete(Resource).where(Resource.id == resource.id))

    def count(self, kind: str, *statuses: str) -> int:
        """How many resources of a kind are in one of these states."""
        with self.database.read() as session:
            counted = select(func.count()).where(Resource.kind == kind, Resource.status.in_(statuses))
            return session.scalar(counted.select_from(Resource)) or 0

    def regions(self) -> list[str]:
        """The regions that have resources, the one with the newest first."""
        with self.database.read() as session:
            newest = select(Resource.region).group_by(Resource.region).order_by(func.max(Resource.id).desc())
            return list(session.scalars(newest))

    def census(self, region: str) -> dict[str, dict[str, int]]:
        """How many resources of each kind are in which status."""
        counted = select(Resource.kind, Resource.status, func.count()).where(Resource.region == region)
        found: dict[str, dict[str, int]] = {}
        with self.database.read() as session:
            for kind, status, count in session.execute(counted.group_by(Resource.kind, Resource.status)):
                found.setdefault(kind, {})[status] = count
        return found

    def page(self, listing: Listing) -> tuple[Sequence[Resource], str | None]:
        """One page, and the token of the next if there is one.

        Raises:
            InvalidToken: `listing.token` was not given out by a listing in this order.
        """
        column: InstrumentedAttribute[Any] = getattr(Resource, listing.sort_by)
        query = select(Resource).where(*_conditions(listing))
        if listing.token is not None:
            query = query.where(_after(column, listing))
        with self.database.read() as session:
            rows = session.scalars(_ordered(query, column, listing).limit(listing.limit + 1)).all()
        page = rows[: listing.limit]
        token = _token(page[-1], listing.sort_by) if len(rows) > listing.limit else None
        return page, token

    def tags(self, arn: str) -> list[dict[str, str]]:
        """The tags of a resource as the API lists them, by key."""
        with self.database.read() as session:
            tags = session.scalars(select(Tag).filter_by(arn=arn).order_by(Tag.key))
            return [{"Key": tag.key, "Value": tag.value} for tag in tags]

    def add_tags(self, arn: str, tags: Sequence[dict[str, str]]) -> None:
        """Set tags; a key that is there gets the new value."""
        with self.database.write() as session:
            for tag in tags:
                session.merge(Tag(arn=arn, key=tag["Key"], value=tag["Value"]))

    def delete_tags(self, arn: str, keys: Sequence[str]) -> None:
        """Remove tags; keys that are not there are no error."""
        with self.database.write() as session:
            session.execute(delete(Tag).where(Tag.arn == arn, Tag.key.in_(keys)))


def _conditions(listing: Listing) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [
        Resource.kind == listing.kind,
        Resource.region == listing.region,
    ]
    if listing.name_contains is not None:
        conditions.append(Resource.name.icontains(listing.name_contains, autoescape=True))
    if listing.status is not None:
        conditions.append(Resource.status == listing.status)
    if listing.created_after is not None:
        conditions.append(Resource.created_at > listing.created_after)
    if listing.created_before is not None:
        conditions.append(Resource.created_at < listing.created_before)
    if listing.modified_after is not None:
        conditions.append(Resource.modified_at > listing.modified_after)
    if listing.modified_before is not None:
        conditions.append(Resource.modified_at < listing.modified_before)
    return conditions


def _ordered(
    query: Select[Resource], column: InstrumentedAttribute[Any], listing: Listing
) -> Select[Resource]:
    if listing.descending:
        return query.order_by(column.desc(), Resource.id.desc())
    return query.order_by(column, Resource.id)


def _after(column: InstrumentedAttribute[Any], listing: Listing) -> ColumnElement[bool]:
    # Paging by the last row seen, not by an offset: rows that come or go meanwhile are neither repeated nor lost.
    try:
        value, resource_id = json.loads(base64.urlsafe_b64decode(listing.token or ""))
        if listing.sort_by.endswith("_at"):
            value = datetime.fromtimestamp(value, timezone.utc)
        elif not isinstance(value, str) or not value.isascii():
            raise ValueError(value)
        if not 0 <= int(resource_id) < 2**63:
            raise ValueError(resource_id)
    except (ValueError, TypeError, OverflowError, OSError, RecursionError):
        raise InvalidToken("The NextToken is not one that this listing gave out.") from None
    position = tuple_(column, Resource.id)
    last = tuple_(value, int(resource_id))
    return position < last if listing.descending else position > last


def _token(resource: Resource, sort_by: str) -> str:
    value = getattr(resource, sort_by)
    if isinstance(value, datetime):
        value = value.timestamp()
    return base64.urlsafe_b64encode(json.dumps([value, resource.id]).encode()).decode()
