"""One S3 operation as its function sees it: what is asked, and what to reply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ironworks.objects import ObjectReader, ObjectStore
from ironworks.objects.errors import ObjectError
from ironworks.server.call import Caller
from ironworks.server.errors import ServiceError
from ironworks.server.http import Request

_STATUS = {
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "NoSuchUpload": 404,
    "BucketAlreadyExists": 409,
    "BucketAlreadyOwnedByYou": 409,
    "BucketNotEmpty": 409,
    "AccessDenied": 403,
    "PreconditionFailed": 412,
    "InvalidRange": 416,
    "SampleDataUnderWay": 503,
}


@dataclass(frozen=True)
class Call:
    """What is asked.

    Attributes:
        query: the request's, decoded.
        members: the operation's input, parsed by the model.
        account: the account that owns every bucket.
    """

    store: ObjectStore
    request: Request
    query: Mapping[str, str]
    caller: Caller
    members: Mapping[str, Any]
    account: str

    @property
    def bucket(self) -> str:
        """The bucket of the path."""
        return str(self.members["Bucket"])

    @property
    def key(self) -> str:
        """The key of the path."""
        return str(self.members["Key"])


@dataclass(frozen=True)
class Span:
    """Bytes of an object to send: from `start` up to `end`, exclusive. The reader is closed after them."""

    reader: ObjectReader
    start: int
    end: int


@dataclass
class Reply:
    """What to reply: the output's members, and what the model does not know of."""

    members: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int | None = None
    body: bytes | Span | None = None


def refusal(error: ObjectError) -> ServiceError:
    """The store's error as S3 sends it."""
    return ServiceError(error.code, str(error), _STATUS.get(error.code, 400), dict(error.details))


def refuse_version(members: Mapping[str, Any]) -> None:
    """Refuse to take the only version for another.

    Raises:
        ServiceError: `NoSuchVersion`, another version than the one that every object has.
    """
    if members.get("VersionId", "null") != "null":
        raise ServiceError(
            "NoSuchVersion", "The specified version does not exist: versions are not kept.", 404
        )


def argument_error(name: str, value: object, reason: str) -> ServiceError:
    """`InvalidArgument` with the argument's name and value."""
    return ServiceError("InvalidArgument", reason, details={"ArgumentName": name, "ArgumentValue": value})
