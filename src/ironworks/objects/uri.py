"""`s3://bucket/key` in two."""

from __future__ import annotations

from ironworks.errors import ClientError

_SCHEME = "s3://"


def parse_s3_uri(uri: str) -> tuple[str, str]:
    """The bucket and the key (or prefix, possibly empty) of an S3 URI.

    Raises:
        ClientError: it does not begin with `s3://`, or names no bucket.
    """
    if not uri.startswith(_SCHEME):
        raise ClientError(f"{uri!r} is not an S3 URI. Give it as s3://BUCKET/KEY.")
    bucket, _, key = uri[len(_SCHEME) :].partition("/")
    if not bucket:
        raise ClientError(f"{uri!r} names no bucket. Give it as s3://BUCKET/KEY.")
    return bucket, key
