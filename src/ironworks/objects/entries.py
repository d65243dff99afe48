"""What the store tells about its buckets, objects and uploads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Attributes:
    """What is kept beside an object's bytes.

    Attributes:
        headers: HTTP headers to answer with, names in lower case: content-type, cache-control, …
        metadata: the user's own pairs, names in lower case.
        tags: the object's tag set.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


PLAIN = Attributes()
"""Nothing is kept beside the bytes."""


@dataclass(frozen=True)
class Condition:
    """What must hold of the key when a write is committed.

    Attributes:
        match: the ETag that the present object must have, or `*` for any.
        absent: there must be no object.
    """

    match: str | None = None
    absent: bool = False


ALWAYS = Condition()
"""Write whatever is there."""


@dataclass(frozen=True)
class BucketInfo:
    """A bucket."""

    name: str
    region: str
    created: datetime


@dataclass(frozen=True)
class PartInfo:
    """A part of a multipart upload, or of the object that it became. Checksums are base64, by algorithm."""

    number: int
    size: int
    etag: str
    modified: datetime
    checksums: Mapping[str, str]


@dataclass(frozen=True)
class ObjectInfo:
    """An object without its bytes.

    Attributes:
        size: in bytes.
        etag: without quotation marks: the MD5 (hex), or `MD5-PARTS` after a multipart upload.
        checksums: base64 by algorithm (`CRC32`, …); a composite one ends with `-PARTS`.
        checksum_type: `FULL_OBJECT` or `COMPOSITE`; empty without checksums.
        parts: how many parts it was uploaded in; 0 when in one piece.
        sha256: of the bytes (hex); None after a multipart upload, which is never read as a whole.
    """

    bucket: str
    key: str
    size: int
    etag: str
    modified: datetime
    attributes: Attributes
    checksums: Mapping[str, str]
    checksum_type: str
    parts: int
    sha256: str | None


@dataclass(frozen=True)
class UploadInfo:
    """A multipart upload that is neither completed nor aborted."""

    id: str
    bucket: str
    key: str
    started: datetime
    attributes: Attributes
    checksum_algorithm: str | None
    checksum_type: str | None


@dataclass(frozen=True)
class Page:
    """One page of a listing, in the order of the keys' UTF-8 bytes.

    Attributes:
        prefixes: what was rolled up because of the delimiter.
        next: where the next page begins (exclusive); None when this is the last.
    """

    objects: Sequence[ObjectInfo]
    prefixes: Sequence[str]
    next: str | None


@dataclass(frozen=True)
class Expected:
    """What the sender says about the bytes it sent; None is not checked.

    Attributes:
        size: in bytes.
        md5: base64, as in Content-MD5.
        checksums: base64, by algorithm.
        sha256: hex, as it was signed.
    """

    size: int | None = None
    md5: str | None = None
    sha256: str | None = None
    checksums: Mapping[str, str] = field(default_factory=dict)


UNCHECKED = Expected()
"""The sender says nothing."""
