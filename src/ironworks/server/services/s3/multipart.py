"""Multipart uploads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ironworks.objects import CompletedPart, Completion, PartInfo, UploadInfo, Writer
from ironworks.objects.errors import PreconditionFailed
from ironworks.server.errors import ServiceError
from ironworks.server.services.s3.address import parse_copy_source
from ironworks.server.services.s3.attributes import (
    attributes_of,
    checksum_members,
    encryption_headers,
    refuse_unsupported,
    sent_checksums,
)
from ironworks.server.services.s3.bodies import Payload
from ironworks.server.services.s3.call import Call, Reply, argument_error
from ironworks.server.services.s3.conditions import not_modified, parse_range, unquote, write_condition
from ironworks.server.services.s3.listings import owner, page_size

MOST_PARTS = 10_000


def create_multipart_upload(call: Call) -> Reply:
    """Begin an upload."""
    attributes = attributes_of(call)
    upload = call.store.uploads.create(
        call.bucket,
        call.key,
        attributes,
        call.members.get("ChecksumAlgorithm"),
        call.members.get("ChecksumType"),
    )
    members = {
        "Bucket": call.bucket,
        "Key": call.key,
        "UploadId": upload.id,
        "ChecksumAlgorithm": upload.checksum_algorithm,
        "ChecksumType": upload.checksum_type,
    }
    return Reply(members, encryption_headers(attributes))


async def upload_part(call: Call) -> Reply:
    """Store the body as a part."""
    refuse_unsupported(call.members)
    number = _part_number(call)
    payload = Payload.of(call.request, call.caller)
    algorithms = payload.algorithms()
    part = await payload.store(lambda: _writer(call, number, algorithms))
    return Reply({"ETag": f'"{part.etag}"', **checksum_members(part.checksums)})


def upload_part_copy(call: Call) -> Reply:
    """Store an object, or a range of it, as a part."""
    refuse_unsupported(call.members)
    number = _part_number(call)
    source = parse_copy_source(call.members["CopySource"])
    with call.store.open(*source) as reader, _writer(call, number, []) as writer:
        if not_modified(reader.info, call.members, "CopySource"):
            raise PreconditionFailed("x-amz-copy-source-If-None-Match or -If-Modified-Since")
        for chunk in reader.chunks(*_source_span(call, reader.info.size)):
            writer.write(chunk)
        part = writer.commit()
    result = {"ETag": f'"{part.etag}"', "LastModified": part.modified, **checksum_members(part.checksums)}
    return Reply({"CopyPartResult": result})


def complete_multipart_upload(call: Call) -> Reply:
    """Make the parts the object."""
    listed = call.members.get("MultipartUpload", {}).get("Parts", [])
    for part in listed:
        if "PartNumber" not in part or "ETag" not in part:
            raise ServiceError("MalformedXML", "Every <Part> needs a <PartNumber> and an <ETag>.")
    completion = Completion(
        parts=[
            CompletedPart(part["PartNumber"], unquote(part["ETag"]), sent_checksums(part)) for part in listed
        ],
        size=call.members.get("MpuObjectSize"),
        checksums=sent_checksums(call.members),
        checksum_type=call.members.get("ChecksumType"),
        condition=write_condition(call.members),
    )
    info = call.store.uploads.complete(call.bucket, call.key, call.members["UploadId"], completion)
    members = {
        "Location": f"http://{call.request.headers.get('host', 'localhost')}{call.request.path}",
        "Bucket": call.bucket,
        "Key": call.key,
        "ETag": f'"{info.etag}"',
        **checksum_members(info.checksums, info.checksum_type),
    }
    return Reply(members, encryption_headers(info.attributes))


def abort_multipart_upload(call: Call) -> Reply:
    """Give the upload up."""
    call.store.uploads.abort(call.bucket, call.key, call.members["UploadId"])
    return Reply()


def list_parts(call: Call) -> Reply:
    """The parts that an upload has so far."""
    marker = call.members.get("PartNumberMarker", 0)
    limit = page_size(call, "MaxParts", "max-parts")
    upload, parts = call.store.uploads.parts(call.bucket, call.key, call.members["UploadId"])
    behind = [part for part in parts if part.number > marker]
    page = behind[:limit]
    return Reply(
        {
            "Bucket": call.bucket,
            "Key": call.key,
            "UploadId": upload.id,
            "PartNumberMarker": marker,
            "NextPartNumberMarker": page[-1].number if page else 0,
            "MaxParts": limit,
            "IsTruncated": len(behind) > len(page),
            "Parts": _part_entries(page),
            "Initiator": owner(call),
            "Owner": owner(call),
            "StorageClass": _storage_class(upload),
            "ChecksumAlgorithm": upload.checksum_algorithm,
            "ChecksumType": upload.checksum_type,
        }
    )


def _part_entries(parts: Sequence[PartInfo]) -> list[dict[str, Any]]:
    return [
        {
            "PartNumber": part.number,
            "LastModified": part.modified,
            "ETag": f'"{part.etag}"',
            "Size": part.size,
            **checksum_members(part.checksums),
        }
        for part in parts
    ]


def _storage_class(upload: UploadInfo) -> str:
    return upload.attributes.headers.get("x-amz-storage-class", "STANDARD")


def _part_number(call: Call) -> int:
    number = int(call.members["PartNumber"])
    if not 1 <= number <= MOST_PARTS:
        raise argument_error(
            "partNumber", number, f"Part number must be an integer between 1 and {MOST_PARTS}, inclusive"
        )
    return number


def _writer(call: Call, number: int, algorithms: Sequence[str]) -> Writer[PartInfo]:
    return call.store.uploads.writer(call.bucket, call.key, call.members["UploadId"], number, algorithms)


def _source_span(call: Call, size: int) -> tuple[int, int]:
    text = call.members.get("CopySourceRange")
    if text is None:
        return 0, size
    span = parse_range(text, size)
    if span is None or not text.strip().endswith(f"-{span[1] - 1}"):
        raise argument_error(
            "x-amz-copy-source-range",
            text,
            f"Give x-amz-copy-source-range as bytes=first-last, within the {size} bytes of the source.",
        )
    return span
