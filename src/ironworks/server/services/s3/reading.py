"""GetObject, HeadObject, GetObjectAttributes and the tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ironworks.objects import ObjectInfo, ObjectReader
from ironworks.objects.errors import InvalidRange
from ironworks.server.services.s3.address import PLAIN_TEXT
from ironworks.server.services.s3.attributes import (
    checksum_members,
    description,
    parse_tags,
    refuse_unsupported,
)
from ironworks.server.services.s3.call import Call, Reply, Span, argument_error
from ironworks.server.services.s3.conditions import not_modified, parse_range
from ironworks.server.services.s3.listings import page_size

_OVERRIDES = {
    "response-cache-control": "cache-control",
    "response-content-disposition": "content-disposition",
    "response-content-encoding": "content-encoding",
    "response-content-language": "content-language",
    "response-content-type": "Content-Type",
    "response-expires": "expires",
}


def get_object(call: Call) -> Reply:
    """The object's bytes, all or a range of them."""
    reader = call.store.open(call.bucket, call.key)
    kept = False
    try:
        reply = _describe(call, reader)
        kept = isinstance(reply.body, Span)
        return reply
    finally:
        if not kept:
            reader.close()


def head_object(call: Call) -> Reply:
    """What GetObject would answer, without the bytes."""
    with call.store.open(call.bucket, call.key) as reader:
        reply = _describe(call, reader)
    if isinstance(reply.body, Span):
        reply.body = b""
    return reply


def get_object_attributes(call: Call) -> Reply:
    """The attributes that were asked for."""
    refuse_unsupported(call.members)
    with call.store.open(call.bucket, call.key) as reader:
        info = reader.info
        found = {
            "ETag": info.etag,
            "Checksum": checksum_members(info.checksums, info.checksum_type) or None,
            "ObjectParts": _object_parts(reader, call) if info.parts else None,
            "StorageClass": info.attributes.headers.get("x-amz-storage-class", "STANDARD"),
            "ObjectSize": info.size,
        }
    wanted = call.members["ObjectAttributes"]
    for name in wanted:
        if name not in found:
            raise argument_error(
                "x-amz-object-attributes", name, f"Invalid attribute name specified: {name!r}."
            )
    return Reply({name: found[name] for name in wanted} | {"LastModified": info.modified})


def get_object_tagging(call: Call) -> Reply:
    """The tag set."""
    tags = call.store.head(call.bucket, call.key).attributes.tags
    return Reply({"TagSet": [{"Key": name, "Value": value} for name, value in tags.items()]})


def put_object_tagging(call: Call) -> Reply:
    """Replace the tag set."""
    pairs = [(tag["Key"], tag["Value"]) for tag in call.members["Tagging"]["TagSet"]]
    call.store.set_tags(call.bucket, call.key, parse_tags(pairs))
    return Reply()


def delete_object_tagging(call: Call) -> Reply:
    """Empty the tag set."""
    call.store.set_tags(call.bucket, call.key, {})
    return Reply()


def _describe(call: Call, reader: ObjectReader) -> Reply:
    refuse_unsupported(call.members)
    info = reader.info
    if not_modified(info, call.members):
        return Reply(headers=description(info, with_checksums=False), status=304, body=b"")
    span = _span(call.members, reader)
    start, end = span or (0, info.size)
    checked = call.members.get("ChecksumMode", "").upper() == "ENABLED" and end - start == info.size
    headers = description(info, with_checksums=checked) | _overrides(call)
    headers["Content-Length"] = str(end - start)
    if span is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{info.size}"
    if call.members.get("PartNumber") is not None and info.parts:
        headers["x-amz-mp-parts-count"] = str(info.parts)
    return Reply(headers=headers, status=206 if span else 200, body=Span(reader, start, end))


def _span(members: Mapping[str, Any], reader: ObjectReader) -> tuple[int, int] | None:
    number = members.get("PartNumber")
    if number is None:
        return parse_range(members.get("Range"), reader.info.size)
    if members.get("Range") is not None:
        raise argument_error(
            "partNumber", number, "Cannot specify both Range header and partNumber query parameter."
        )
    span = reader.part_span(number)
    if span is None or (span[0] == span[1] and reader.info.size):
        raise InvalidRange(reader.info.size)  # an empty part has no first and last byte to answer
    return span if reader.info.size else None


def _overrides(call: Call) -> dict[str, str]:
    headers: dict[str, str] = {}
    for parameter, header in _OVERRIDES.items():
        text = call.query.get(parameter)
        if text is None:
            continue
        if not PLAIN_TEXT.fullmatch(text):
            raise argument_error(parameter, text, "A header's value may not hold control characters.")
        headers[header] = text
    return headers


def _object_parts(reader: ObjectReader, call: Call) -> dict[str, Any]:
    marker = call.members.get("PartNumberMarker", 0)
    most = page_size(call, "MaxParts", "x-amz-max-parts")
    parts = [part for part in reader.parts if part.number > marker]
    page = parts[:most]
    return {
        "TotalPartsCount": len(reader.parts),
        "PartNumberMarker": marker,
        "NextPartNumberMarker": page[-1].number if page else marker,
        "MaxParts": most,
        "IsTruncated": len(parts) > len(page),
        "Parts": _listed(reader.info, page),
    }


def _listed(info: ObjectInfo, parts: list[Any]) -> list[dict[str, Any]]:
    if not info.checksums:
        return []  # as S3 does: the parts are listed for the sake of their checksums
    return [
        {"PartNumber": part.number, "Size": part.size, **checksum_members(part.checksums)} for part in parts
    ]
