"""PutObject, CopyObject, DeleteObject, DeleteObjects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ironworks.objects import Attributes, Condition, ObjectInfo
from ironworks.objects.errors import ObjectError, PreconditionFailed
from ironworks.server.errors import ServiceError
from ironworks.server.services.s3.address import parse_copy_source
from ironworks.server.services.s3.attributes import (
    attributes_of,
    checksum_members,
    encryption_headers,
    refuse_unsupported,
    storage_headers,
    without_storage,
)
from ironworks.server.services.s3.bodies import Payload
from ironworks.server.services.s3.call import Call, Reply, argument_error, refuse_version
from ironworks.server.services.s3.conditions import not_modified, unquote, write_condition

MOST_DELETED = 1000


async def put_object(call: Call) -> Reply:
    """Store the body under the key."""
    payload = Payload.of(call.request, call.caller)
    attributes = attributes_of(call)
    algorithms = payload.algorithms()
    condition = write_condition(call.members)
    info = await payload.store(
        lambda: call.store.writer(call.bucket, call.key, attributes, algorithms, condition)
    )
    members = {"ETag": f'"{info.etag}"', **checksum_members(info.checksums, info.checksum_type)}
    return Reply(members, encryption_headers(attributes))


def copy_object(call: Call) -> Reply:
    """Store an object under another key, with its own attributes or new ones."""
    source = parse_copy_source(call.members["CopySource"])
    sent = attributes_of(call)
    replace = _directive(call, "MetadataDirective")
    retag = _directive(call, "TaggingDirective")
    if source == (call.bucket, call.key) and not replace and not storage_headers(call.request.headers):
        raise ServiceError(
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself without changing "
            "the object's metadata, storage class, website redirect location or encryption attributes.",
        )

    def derive(old: ObjectInfo) -> Attributes:
        if not_modified(old, call.members, "CopySource"):
            raise PreconditionFailed("x-amz-copy-source-If-None-Match or -If-Modified-Since")
        kept = old.attributes
        inherited = without_storage(kept.headers) | storage_headers(call.request.headers)
        return Attributes(
            headers=sent.headers if replace else inherited,
            metadata=sent.metadata if replace else kept.metadata,
            tags=sent.tags if retag else kept.tags,
        )

    info = call.store.copy(source, (call.bucket, call.key), derive, write_condition(call.members))
    result = {"ETag": f'"{info.etag}"', "LastModified": info.modified}
    result |= checksum_members(info.checksums, info.checksum_type)
    return Reply({"CopyObjectResult": result}, encryption_headers(info.attributes))


def delete_object(call: Call) -> Reply:
    """Remove the key; there need not be one."""
    refuse_unsupported(call.members)
    match = call.members.get("IfMatch")
    condition = Condition(match=None if match is None else unquote(match))
    call.store.delete(call.bucket, call.key, condition)
    return Reply()


def delete_objects(call: Call) -> Reply:
    """Remove up to 1,000 keys, each on its conditions: one that fails does not keep the others."""
    request = call.members["Delete"]
    entries = request["Objects"]
    if len(entries) > MOST_DELETED:
        raise ServiceError("MalformedXML", f"At most {MOST_DELETED} keys can be deleted at once.")
    plain = [entry for entry in entries if entry.keys() == {"Key"}]
    call.store.delete_many(call.bucket, [entry["Key"] for entry in plain])
    deleted, errors = [{"Key": entry["Key"]} for entry in plain], []
    for entry in entries:
        if entry.keys() == {"Key"}:
            continue
        try:
            _delete_entry(call, entry)
            deleted.append({"Key": entry["Key"]})
        except (ObjectError, ServiceError) as error:
            errors.append({"Key": entry["Key"], "Code": error.code, "Message": str(error)})
    return Reply({"Deleted": [] if request.get("Quiet") else deleted, "Errors": errors})


def _delete_entry(call: Call, entry: Mapping[str, Any]) -> None:
    refuse_unsupported(entry)
    refuse_version(entry)
    match = entry.get("ETag")
    call.store.delete(call.bucket, entry["Key"], Condition(match=None if match is None else unquote(match)))


def _directive(call: Call, name: str) -> bool:
    value = call.members.get(name, "COPY")
    if value not in ("COPY", "REPLACE"):
        raise argument_error(name, value, f"Unknown {name}: give COPY or REPLACE.")
    return bool(value == "REPLACE")
