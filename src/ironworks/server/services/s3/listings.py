"""ListObjects in both versions, ListMultipartUploads."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import quote

from ironworks.objects import ObjectInfo, Page, UploadInfo
from ironworks.objects.listing import common_prefix
from ironworks.server.services.s3.call import Call, Reply, argument_error

LARGEST_PAGE = 1000


def list_objects(call: Call) -> Reply:
    """Version 1: the next page begins behind the marker."""
    limit = page_size(call, "MaxKeys", "max-keys")
    marker = call.members.get("Marker", "")
    page = _page(call, marker, limit)
    encode = encoder(call)
    members = _common(call, page, limit, with_owner=True) | {"Marker": encode(marker)}
    if page.next is not None and call.members.get("Delimiter"):
        members["NextMarker"] = encode(page.next)
    return Reply(members)


def list_objects_v2(call: Call) -> Reply:
    """Version 2: the next page begins at a token."""
    limit = page_size(call, "MaxKeys", "max-keys")
    token = call.members.get("ContinuationToken")
    start = call.members.get("StartAfter")
    page = _page(call, _position(token) if token is not None else start or "", limit)
    members = _common(call, page, limit, with_owner=bool(call.members.get("FetchOwner")))
    members |= {
        "KeyCount": len(page.objects) + len(page.prefixes),
        "ContinuationToken": token,
        "StartAfter": None if start is None else encoder(call)(start),
        "NextContinuationToken": None if page.next is None else _token(page.next),
    }
    return Reply(members)


def list_multipart_uploads(call: Call) -> Reply:
    """The uploads that are neither completed nor aborted."""
    limit = page_size(call, "MaxUploads", "max-uploads")
    prefix, delimiter = call.members.get("Prefix", ""), call.members.get("Delimiter", "")
    key_marker, id_marker = call.members.get("KeyMarker", ""), call.members.get("UploadIdMarker", "")
    entries = list(
        _behind(
            _rolled(call.store.uploads.list(call.bucket, prefix), prefix, delimiter), key_marker, id_marker
        )
    )
    page, truncated = entries[:limit], len(entries) > limit
    encode = encoder(call)
    last_key, last_upload = page[-1] if page else ("", None)
    return Reply(
        {
            "Bucket": call.bucket,
            "KeyMarker": encode(key_marker),
            "UploadIdMarker": id_marker,
            "NextKeyMarker": encode(last_key) if truncated else None,
            "NextUploadIdMarker": last_upload.id if truncated and last_upload else None,
            "Prefix": encode(prefix),
            "Delimiter": encode(delimiter) or None,
            "MaxUploads": limit,
            "IsTruncated": truncated,
            "EncodingType": call.members.get("EncodingType"),
            "Uploads": [_upload_entry(call, upload, encode) for _, upload in page if upload],
            "CommonPrefixes": [{"Prefix": encode(common)} for common, upload in page if upload is None],
        }
    )


def owner(call: Call) -> dict[str, str]:
    """The account as S3 names owners: by a canonical id, not by its number."""
    return {"ID": hashlib.sha256(call.account.encode()).hexdigest(), "DisplayName": call.account}


def page_size(call: Call, member: str, argument: str) -> int:
    """How many entries a page has: what was asked for, at most 1,000.

    Raises:
        ServiceError: `InvalidArgument`, the number is negative.
    """
    size = int(call.members.get(member, LARGEST_PAGE))
    if not 0 <= size <= 2**31 - 1:
        raise argument_error(
            argument, size, f"Argument {argument} must be an integer between 0 and 2147483647"
        )
    return min(size, LARGEST_PAGE)


def encoder(call: Call) -> Callable[[str], str]:
    """How keys are written: percent-encoded if `encoding-type=url` asks for it.

    Raises:
        ServiceError: `InvalidArgument`, another encoding.
    """
    kind = call.members.get("EncodingType")
    if kind not in (None, "url"):
        raise argument_error("encoding-type", kind, "Invalid Encoding Method specified in Request: give url.")
    return _percent if kind else str


def _percent(text: str) -> str:
    return quote(text, safe="/")


def _page(call: Call, after: str, limit: int) -> Page:
    members = call.members
    return call.store.list(call.bucket, members.get("Prefix", ""), members.get("Delimiter", ""), after, limit)


def _common(call: Call, page: Page, limit: int, with_owner: bool) -> dict[str, Any]:
    encode = encoder(call)
    return {
        "Name": call.bucket,
        "Prefix": encode(call.members.get("Prefix", "")),
        "Delimiter": encode(call.members.get("Delimiter", "")) or None,
        "MaxKeys": limit,
        "EncodingType": call.members.get("EncodingType"),
        "IsTruncated": page.next is not None,
        "Contents": [_entry(call, info, encode, with_owner) for info in page.objects],
        "CommonPrefixes": [{"Prefix": encode(prefix)} for prefix in page.prefixes],
    }


def _entry(call: Call, info: ObjectInfo, encode: Callable[[str], str], with_owner: bool) -> dict[str, Any]:
    return {
        "Key": encode(info.key),
        "LastModified": info.modified,
        "ETag": f'"{info.etag}"',
        "ChecksumAlgorithm": list(info.checksums) or None,
        "ChecksumType": info.checksum_type or None,
        "Size": info.size,
        "StorageClass": info.attributes.headers.get("x-amz-storage-class", "STANDARD"),
        "Owner": owner(call) if with_owner else None,
    }


def _token(position: str) -> str:
    return base64.urlsafe_b64encode(position.encode()).decode()


def _position(token: str) -> str:
    try:
        position = base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        position = ""
    if not position:
        raise argument_error("continuation-token", token, "The continuation token provided is incorrect")
    return position


def _rolled(
    uploads: Sequence[UploadInfo], prefix: str, delimiter: str
) -> Iterator[tuple[str, UploadInfo | None]]:
    """Each upload with its key, or one common prefix for many."""
    last = None
    for upload in uploads:
        common = common_prefix(upload.key, prefix, delimiter)
        if common is None:
            yield upload.key, upload
        elif common != last:
            yield common, None
        last = common


def _behind(
    entries: Iterator[tuple[str, UploadInfo | None]], key: str, upload_id: str
) -> Iterator[tuple[str, UploadInfo | None]]:
    for name, upload in entries:
        same_key_later = bool(upload_id) and name == key and upload is not None and upload.id > upload_id
        if name.encode() > key.encode() or same_key_later:
            yield name, upload


def _upload_entry(call: Call, upload: UploadInfo, encode: Callable[[str], str]) -> dict[str, Any]:
    return {
        "UploadId": upload.id,
        "Key": encode(upload.key),
        "Initiated": upload.started,
        "StorageClass": upload.attributes.headers.get("x-amz-storage-class", "STANDARD"),
        "Owner": owner(call),
        "Initiator": owner(call),
        "ChecksumAlgorithm": upload.checksum_algorithm,
        "ChecksumType": upload.checksum_type,
    }
