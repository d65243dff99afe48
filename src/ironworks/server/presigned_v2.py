"""AWS Signature Version 2 in the URL: how boto3 and `aws s3 presign` still sign S3 addresses unless told otherwise.

The algorithm is "Query string request authentication alternative" of Amazon S3's developer guide, "Signing and
authenticating REST requests". It is accepted in no other place.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from urllib.parse import unquote, unquote_plus

from ironworks.server.call import Caller
from ironworks.server.errors import ServiceError
from ironworks.server.http import Request
from ironworks.server.keys import Keys
from ironworks.server.services.s3.address import path_with_bucket

_SECONDS = re.compile(r"[0-9]{1,12}")
REGION = "us-east-1"
"""This form names no region; buckets are the same in all of them."""

# fmt: off
SUBRESOURCES = frozenset((
    "accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "inventory", "lifecycle",
    "location", "logging", "metrics", "notification", "object-lock", "partNumber", "policy", "replication",
    "requestPayment", "response-cache-control", "response-content-disposition",
    "response-content-encoding", "response-content-language", "response-content-type", "response-expires",
    "restore", "select", "select-type", "storageClass", "tagging", "torrent", "uploadId", "uploads",
    "versionId", "versioning", "versions", "website",
))
# fmt: on
"""The members of a query that are signed."""


def matches(request: Request) -> bool:
    """Whether the request's URL is signed in this way."""
    return (
        "authorization" not in request.headers and {"AWSAccessKeyId", "Signature"} <= _query(request).keys()
    )


def verify(request: Request, keys: Keys, now: datetime) -> Caller:
    """Check the signature and answer who called.

    Raises:
        ServiceError: the key is unknown, the signature is wrong, or its time is over.
    """
    query = _query(request)
    access_key, expires = query["AWSAccessKeyId"], query.get("Expires", "")
    identity = keys.identify(access_key, query.get("x-amz-security-token"))
    if identity is None or (identity.expires is not None and identity.expires < now):
        raise ServiceError("InvalidAccessKeyId", "The AWS access key of the URL does not exist.", 403)
    if not _SECONDS.fullmatch(expires):
        raise ServiceError("AccessDenied", "Expires must be a time in Unix seconds.", 403)
    to_sign = _string_to_sign(request, query, expires)
    digest = hmac.new(identity.secret_access_key.encode(), to_sign.encode(), hashlib.sha1).digest()
    if not hmac.compare_digest(base64.b64encode(digest), query["Signature"].encode()):
        raise ServiceError(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature of the URL. "
            "It holds for one method, one object and the headers that were signed.",
            403,
        )
    if int(expires) < now.astimezone(timezone.utc).timestamp():
        raise ServiceError("AccessDenied", "Request has expired", 403)
    return Caller(access_key, keys.account, REGION, "s3", identity.role_name, identity.session_name)


def _string_to_sign(request: Request, query: Mapping[str, str], expires: str) -> str:
    # What the signer knew as headers may come as headers or in the URL.
    signed = {**query, **request.headers}
    amz = "".join(f"{name}:{signed[name].strip()}\n" for name in sorted(signed) if name.startswith("x-amz-"))
    standard = [signed.get(name, "").strip() for name in ("content-md5", "content-type")]
    return "\n".join([request.method, *standard, expires, amz + _resource(request)])


def _resource(request: Request) -> str:
    members = (member.partition("=") for member in request.query.split("&"))
    signed = sorted(
        (name, f"{name}={unquote(value)}" if equals else name)
        for name, equals, value in members
        if name in SUBRESOURCES
    )
    return path_with_bucket(request) + ("?" + "&".join(member for _, member in signed) if signed else "")


def _query(request: Request) -> dict[str, str]:
    members = (member.partition("=") for member in request.query.split("&") if member)
    return {unquote(name): unquote_plus(value) for name, _, value in members}
