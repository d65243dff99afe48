"""Putting a row under a key: what must hold before, and what goes away."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from ironworks.objects.entries import Attributes, Condition
from ironworks.objects.errors import KeyTooLong, NoSuchKey, PreconditionFailed
from ironworks.objects.references import References
from ironworks.objects.tables import ObjectRow

LONGEST_KEY = 1024
"""Bytes of UTF-8."""


def check_key(key: str) -> None:
    """Refuse keys that are too long.

    Raises:
        KeyTooLong: more than 1,024 bytes.
    """
    if (size := len(key.encode())) > LONGEST_KEY:
        raise KeyTooLong(size)


def displace(
    session: Session, references: References, bucket: str, key: str, condition: Condition
) -> set[str]:
    """Make room under a key. Answers the blobs that the object there named.

    Raises:
        PreconditionFailed: the object there is not as the condition wants it.
        NoSuchKey: the condition wants an object, and there is none.
    """
    row = session.get(ObjectRow, (bucket, key))
    if condition.match is not None:
        if row is None:
            raise NoSuchKey(bucket, key)
        if condition.match not in ("*", row.etag):
            raise PreconditionFailed("If-Match")
    if row is None:
        return set()
    if condition.absent:
        raise PreconditionFailed("If-None-Match")
    dropped = references.drop(session, row.content)
    session.delete(row)
    session.flush()
    return dropped


def attribute_columns(attributes: Attributes) -> dict[str, Any]:
    """The attributes as the JSON column keeps them."""
    return {
        "headers": dict(attributes.headers),
        "metadata": dict(attributes.metadata),
        "tags": dict(attributes.tags),
    }
