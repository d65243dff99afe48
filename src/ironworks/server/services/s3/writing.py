"""PutObject, CopyObject, DeleteObject, DeleteObjects."""

from __future__ import annotations

from ironworks.objects import Attributes, Condition, ObjectInfo
from ironworks.objects.errors import ObjectError, PreconditionFailed
from ironworks.server.errors import ServiceError
from ironworks.server.services.s3.address import parse_copy_source
from ironworks.server.services.s3.attributes import (
    attributes_of,
    checksum_members,
    encryption_headers,
    storage_headers,
    without_storage,
)
from ironworks.server.services.s3.bodies import Payload
from ironworks.server.services.s3.call import Call, Reply, argument_error
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
    old = call.store.head(*source)
    kept = old.attributes
    headers = dict(sent.headers)
    if not replace:
        headers = without_storage(kept.headers) | storage_headers(call.request.headers)
    attributes = Attributes(
        headers=headers,
        metadata=sent.metadata if replace else kept.metadata,
        tags=sent.tags if retag else kept.tags,
    )

    def check(info: ObjectInfo) -> None:
        if info.modified != old.modified or info.etag != old.etag:
            raise PreconditionFailed("the source was replaced during the copy; copy it again")
        if not_modified(info, call.members, "CopySource"):
            raise PreconditionFailed("x-amz-copy-source-If-None-Match or -If-Modified-Since")

    info = call.store.copy(source, (call.bucket, call.key), attributes, write_condition(call.members), check)
    result = {"ETag": f'"{info.etag}"', "LastModified": info.modified}
    result |= checksum_members(info.checksums, info.checksum_type)
    return Reply({"CopyObjectResult": result}, encryption_headers(attributes))


def delete_object(call: Call) -> Reply:
    """Remove the key; there need not be one."""
    match = call.members.get("IfMatch")
    condition = Condition(match=None if match is None else unquote(match))
    call.store.delete(call.bucket, call.key, condition)
    return Reply()


def delete_objects(call: Call) -> Reply:
    """Remove up to 1,000 keys; those with an ETag only if they have it."""
    request = call.members["Delete"]
    entries = request["Objects"]
    if len(entries) > MOST_DELETED:
        raise ServiceError("MalformedXML", f"At most {MOST_DELETED} keys can be deleted at once.")
    call.store.delete_many(call.bucket, [entry["Key"] for entry in entries if "ETag" not in entry])
    errors = []
    for entry in entries:
        try:
            if "ETag" in entry:
                call.store.delete(call.bucket, entry["Key"], Condition(match=unquote(entry["ETag"])))
        except ObjectError as error:
            errors.append({"Key": entry["Key"], "Code": error.code, "Message": str(error)})
    failed = {error["Key"] for error in errors}
    deleted = [{"Key": entry["Key"]} for entry in entries if entry["Key"] not in failed]
    return Reply({"Deleted": [] if request.get("Quiet") else deleted, "Errors": errors})


def _directive(call: Call, name: str) -> bool:
    value = call.members.get(name, "COPY")
    if value not in ("COPY", "REPLACE"):
        raise argument_error(name, value, f"Unknown {name}: give COPY or REPLACE.")
    return bool(value == "REPLACE")
