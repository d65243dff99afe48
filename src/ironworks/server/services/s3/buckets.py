"""Buckets, and their settings: accepted where they change nothing here, and answered as when nothing is set."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ironworks.objects.errors import BucketAlreadyOwnedByYou
from ironworks.server.errors import ServiceError
from ironworks.server.protocols.rest_xml import escape
from ironworks.server.services.s3.call import Call, Reply
from ironworks.server.services.s3.listings import owner

_US_EAST_1 = "us-east-1"
_REGION = re.compile(r"[a-z0-9-]{1,64}")


def list_buckets(call: Call) -> Reply:
    """The account's buckets."""
    prefix, region = call.members.get("Prefix", ""), call.members.get("BucketRegion")
    buckets = [
        {"Name": bucket.name, "CreationDate": bucket.created, "BucketRegion": bucket.region}
        for bucket in call.store.buckets.list()
        if bucket.name.startswith(prefix) and region in (None, bucket.region)
    ]
    return Reply({"Buckets": buckets, "Owner": owner(call)})


def create_bucket(call: Call) -> Reply:
    """Make a bucket in the region that the caller is in, or names.

    Raises:
        ServiceError: `InvalidLocationConstraint`, the region cannot be one.
    """
    configuration = call.members.get("CreateBucketConfiguration") or {}
    region = configuration.get("LocationConstraint") or call.caller.region or _US_EAST_1
    region = "eu-west-1" if region == "EU" else region
    if not _REGION.fullmatch(region):
        raise ServiceError(
            "InvalidLocationConstraint",
            f"The specified location constraint is not valid: {region!r}. Name a region, such as us-west-2.",
        )
    try:
        call.store.buckets.create(call.bucket, region)
    except BucketAlreadyOwnedByYou:
        if call.caller.region != _US_EAST_1:
            raise
        # In this region alone, for the sake of old clients, S3 answers 200 when the bucket is there already.
    return Reply({"Location": f"/{call.bucket}"})


def head_bucket(call: Call) -> Reply:
    """Whether the bucket is there, and in which region."""
    bucket = call.store.buckets.get(call.bucket)
    return Reply({"BucketRegion": bucket.region, "AccessPointAlias": False})


def delete_bucket(call: Call) -> Reply:
    """Remove an empty bucket."""
    call.store.buckets.delete(call.bucket)
    return Reply()


def get_bucket_location(call: Call) -> Reply:
    """The region, as text of the root element; empty for us-east-1. The model has no form for it."""
    region = call.store.buckets.get(call.bucket).region
    text = "" if region == _US_EAST_1 else escape(region)
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<LocationConstraint '
        f'xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{text}</LocationConstraint>'
    )
    return Reply(headers={"Content-Type": "application/xml"}, body=body.encode())


def accept(call: Call) -> Reply:
    """A setting that changes nothing here: there is one account, and the disk's encryption is the disk's."""
    call.store.buckets.get(call.bucket)
    return Reply()


def unset(members: Mapping[str, Any]) -> Callable[[Call], Reply]:
    """The answer about a setting that has this value unless it was set."""

    def answer(call: Call) -> Reply:
        call.store.buckets.get(call.bucket)
        return Reply(members)

    return answer


def missing(code: str, message: str) -> Callable[[Call], Reply]:
    """The answer about a setting that does not exist unless it was set."""

    def answer(call: Call) -> Reply:
        call.store.buckets.get(call.bucket)
        raise ServiceError(code, message, 404, {"BucketName": call.bucket})

    return answer


_AES256 = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}

SETTINGS: Mapping[str, Callable[[Call], Reply]] = {
    **dict.fromkeys(
        (
            "PutBucketVersioning",
            "PutBucketEncryption",
            "DeleteBucketEncryption",
            "PutBucketPolicy",
            "DeleteBucketPolicy",
            "PutPublicAccessBlock",
            "DeletePublicAccessBlock",
            "PutBucketLifecycleConfiguration",
            "DeleteBucketLifecycle",
            "PutBucketTagging",
            "DeleteBucketTagging",
            "PutBucketCors",
            "DeleteBucketCors",
            "PutBucketOwnershipControls",
            "DeleteBucketOwnershipControls",
        ),
        accept,
    ),
    "GetBucketVersioning": unset({}),
    "GetBucketAccelerateConfiguration": unset({}),
    "GetBucketLogging": unset({}),
    "GetBucketNotificationConfiguration": unset({}),
    "GetBucketRequestPayment": unset({"Payer": "BucketOwner"}),
    "GetBucketEncryption": unset({"ServerSideEncryptionConfiguration": {"Rules": [_AES256]}}),
    "GetBucketPolicy": missing("NoSuchBucketPolicy", "The bucket policy does not exist"),
    "GetBucketPolicyStatus": missing("NoSuchBucketPolicy", "The bucket policy does not exist"),
    "GetPublicAccessBlock": missing(
        "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found"
    ),
    "GetBucketLifecycleConfiguration": missing(
        "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"
    ),
    "GetBucketTagging": missing("NoSuchTagSet", "The TagSet does not exist"),
    "GetBucketCors": missing("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
    "GetBucketWebsite": missing(
        "NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"
    ),
    "GetBucketOwnershipControls": missing(
        "OwnershipControlsNotFoundError", "The bucket ownership controls were not found"
    ),
    "GetBucketReplication": missing(
        "ReplicationConfigurationNotFoundError", "The replication configuration was not found"
    ),
    "GetObjectLockConfiguration": missing(
        "ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket"
    ),
}
