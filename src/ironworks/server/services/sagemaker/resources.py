"""What the operations on every kind of resource have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from ironworks.control.records import Resource
from ironworks.control.resources import AlreadyExists, InvalidToken, Listing, NotFound
from ironworks.errors import ClientError
from ironworks.server.backend import Backend
from ironworks.server.call import Caller
from ironworks.server.errors import ServiceError, ValidationError
from ironworks.server.services.operations import Params

DEFAULT_PAGE = 10

_ORDER = {
    "Name": "name",
    "CreationTime": "created_at",
    "LastModifiedTime": "modified_at",
    "Status": "status",
}


@contextmanager
def taken_as(code: str, message: str) -> Iterator[None]:
    """Turn "already exists" into AWS's error for it; `{arn}` in the message is the resource's."""
    try:
        yield
    except AlreadyExists as error:
        raise ServiceError(code, message.format(arn=error.arn)) from None


@contextmanager
def refused_as_validation() -> Iterator[None]:
    """Turn what cannot be done here into a ValidationException."""
    try:
        yield
    except ClientError as error:
        raise ValidationError(str(error)) from None


def find(backend: Backend, caller: Caller, kind: str, name: str, missing: str) -> Resource:
    """The resource, or a ValidationException with the text `missing`; `{arn}` in it is the resource's ARN."""
    try:
        return backend.platform.resources.get(kind, caller.region, name)
    except NotFound:
        arn = backend.platform.arn(caller.region, kind, name)
        raise ValidationError(missing.format(arn=arn)) from None


def describe(resource: Resource, **members: object) -> Params:
    """The members that every Describe operation answers: the request, what happened since, and the times."""
    return {
        **resource.request,
        **resource.state,
        "CreationTime": resource.created_at,
        "LastModifiedTime": resource.modified_at,
        **members,
    }


def list_page(
    backend: Backend,
    caller: Caller,
    kind: str,
    params: Params,
    summarize: Callable[[Resource], Params],
    member: str,
    *,
    default_sort: str = "CreationTime",
    default_order: str = "Descending",
    sort_names: Mapping[str, str] = _ORDER,
) -> Params:
    """One page of a List operation, in `member`."""
    listing = Listing(
        kind=kind,
        region=caller.region,
        sort_by=sort_names[params.get("SortBy", default_sort)],
        descending=params.get("SortOrder", default_order) == "Descending",
        limit=params.get("MaxResults", DEFAULT_PAGE),
        token=params.get("NextToken"),
        name_contains=params.get("NameContains"),
        status=params.get("StatusEquals"),
        created_after=params.get("CreationTimeAfter"),
        created_before=params.get("CreationTimeBefore"),
        modified_after=params.get("LastModifiedTimeAfter"),
        modified_before=params.get("LastModifiedTimeBefore"),
    )
    try:
        page, token = backend.platform.resources.page(listing)
    except InvalidToken as error:
        raise ValidationError(str(error)) from None
    return {member: [summarize(resource) for resource in page], "NextToken": token}
