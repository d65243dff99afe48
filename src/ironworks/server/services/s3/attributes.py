"""What an object keeps beside its bytes: headers, metadata, tags; and its checksums in an answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from ironworks.objects import Attributes, ObjectInfo
from ironworks.objects.digests import ALGORITHMS
from ironworks.server.errors import ServiceError
from ironworks.server.protocols.rest_xml import http_date
from ironworks.server.services.s3.call import Call

DEFAULT_TYPE = "binary/octet-stream"
MOST_TAGS = 10
LARGEST_METADATA = 2048
"""Bytes of names and values together, as S3 counts them."""

_REPRESENTATION = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
    "x-amz-website-redirect-location",
)
_STORAGE = (
    "x-amz-storage-class",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-bucket-key-enabled",
)
_DIRECTORY_BUCKETS = {
    "WriteOffsetBytes",
    "IfMatchLastModifiedTime",
    "IfMatchSize",
    "LastModifiedTime",
    "Size",
}
_NOT_ANSWERED = {("x-amz-storage-class", "STANDARD")}


def attributes_of(call: Call) -> Attributes:
    """What a request that writes an object wants kept.

    Raises:
        ServiceError: metadata or tags are not as they must be, or the request wants what is not here:
            a customer's encryption key, an object lock.
    """
    refuse_unsupported(call.members)
    metadata = call.members.get("Metadata", {})
    if sum(len(name) + len(value) for name, value in metadata.items()) > LARGEST_METADATA:
        raise ServiceError(
            "MetadataTooLarge",
            f"Your metadata headers exceed the maximum allowed size of {LARGEST_METADATA} bytes.",
        )
    headers = call.request.headers
    kept = {name: headers[name] for name in _REPRESENTATION if name in headers}
    kept["content-encoding"] = _without_aws_chunked(kept.get("content-encoding", ""))
    kept["content-type"] = kept.get("content-type") or DEFAULT_TYPE
    return Attributes(
        headers={name: value for name, value in kept.items() if value} | storage_headers(headers),
        metadata=dict(metadata),
        tags=parse_tags(parse_qsl(call.members.get("Tagging", ""), keep_blank_values=True)),
    )


def refuse_unsupported(members: Mapping[str, Any]) -> None:
    """Refuse to pretend: what would be stored otherwise than the caller believes.

    Raises:
        ServiceError: `NotImplemented` for a customer's key and for what only directory buckets have,
            `InvalidRequest` for an object lock.
    """
    if any(name.startswith(("SSECustomer", "CopySourceSSECustomer")) for name in members):
        raise ServiceError(
            "NotImplemented",
            "Encryption with a customer's key is not available here. Encrypt the disk instead.",
            501,
        )
    for name in _DIRECTORY_BUCKETS & members.keys():
        raise ServiceError(
            "NotImplemented", f"{name} is for directory buckets, which are not available here.", 501
        )
    if any(name.startswith("ObjectLock") for name in members):
        raise ServiceError("InvalidRequest", "Bucket is missing Object Lock Configuration")


def storage_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that say how to store; they are kept and answered, and a copy does not inherit them."""
    return {
        name: headers[name]
        for name in _STORAGE
        if name in headers and (name, headers[name]) not in _NOT_ANSWERED
    }


def without_storage(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that a copy inherits."""
    return {name: value for name, value in headers.items() if name not in _STORAGE}


def encryption_headers(attributes: Attributes) -> dict[str, str]:
    """What a write answers of the encryption that it was asked for."""
    return {
        name: value
        for name, value in attributes.headers.items()
        if name.startswith("x-amz-server-side-encryption")
    }


def parse_tags(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """A tag set.

    Raises:
        ServiceError: more than 10 tags, a name twice, or a name or value that is too long.
    """
    tags: dict[str, str] = {}
    for name, value in pairs:
        if name in tags:
            raise ServiceError("InvalidTag", f"Cannot provide multiple Tags with the same key: {name!r}.")
        if not 1 <= len(name) <= 128 or len(value) > 256:
            raise ServiceError(
                "InvalidTag",
                f"The tag {name[:128]!r} is not valid: a key has 1 to 128 characters, a value at most 256.",
            )
        tags[name] = value
    if len(tags) > MOST_TAGS:
        raise ServiceError("BadRequest", f"Object tags cannot be greater than {MOST_TAGS}.")
    return tags


def description(info: ObjectInfo, with_checksums: bool) -> dict[str, str]:
    """The headers that describe an object in the answer to GET and HEAD."""
    attributes = info.attributes
    headers = {
        "ETag": f'"{info.etag}"',
        "Last-Modified": http_date(info.modified),
        "Accept-Ranges": "bytes",
        **{
            "Content-Type" if name == "content-type" else name: text
            for name, text in attributes.headers.items()
        },
        **{f"x-amz-meta-{name}": text for name, text in attributes.metadata.items()},
    }
    if attributes.tags:
        headers["x-amz-tagging-count"] = str(len(attributes.tags))
    if with_checksums and info.checksums:
        headers |= {f"x-amz-checksum-{name.lower()}": text for name, text in info.checksums.items()}
        headers["x-amz-checksum-type"] = info.checksum_type
    return headers


def checksum_members(checksums: Mapping[str, str], kind: str = "") -> dict[str, str]:
    """Checksums as members of an output: `ChecksumCRC32`, … and `ChecksumType`."""
    members = {f"Checksum{name}": text for name, text in checksums.items()}
    return members | ({"ChecksumType": kind} if members and kind else {})


def sent_checksums(members: Mapping[str, Any]) -> dict[str, str]:
    """The reverse: checksums among an input's members, by algorithm."""
    return {name: members[f"Checksum{name}"] for name in ALGORITHMS if f"Checksum{name}" in members}


def _without_aws_chunked(encoding: str) -> str:
    tokens = [token.strip() for token in encoding.split(",")]
    return ",".join(token for token in tokens if token and token.lower() != "aws-chunked")
