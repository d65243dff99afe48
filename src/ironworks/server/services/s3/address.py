"""Which bucket and key a request means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_to_bytes

from ironworks.server.errors import ServiceError
from ironworks.server.http import Request

_VIRTUAL_HOST = re.compile(r"(?P<bucket>.+)\.s3(?:[.-][a-z0-9.-]+)?\.amazonaws\.com(?:\.cn)?(?::\d+)?")


@dataclass(frozen=True)
class Address:
    """A bucket and a key, decoded; None where the request has none."""

    bucket: str | None
    key: str | None

    @property
    def segments(self) -> int:
        """0: the service, 1: a bucket, 2: an object."""
        return (self.bucket is not None) + (self.key is not None)

    @property
    def uri(self) -> dict[str, str]:
        """The parameters of the model's `/{Bucket}/{Key+}`."""
        pairs = {"Bucket": self.bucket, "Key": self.key}
        return {name: value for name, value in pairs.items() if value is not None}


def locate(request: Request) -> Address:
    """Read the path, or the host and the path when the bucket is in the host's name.

    Raises:
        ServiceError: `InvalidURI`, the path is not UTF-8.
    """
    bucket, _, key = path_with_bucket(request).removeprefix("/").partition("/")
    return Address(_decode(bucket) or None, (_decode(key) or None) if bucket else None)


def path_with_bucket(request: Request) -> str:
    """The path as sent, with the bucket in front also when the host's name has it."""
    virtual = _VIRTUAL_HOST.fullmatch(request.headers.get("host", ""))
    return request.path if virtual is None else f"/{virtual['bucket']}{request.path}"


def query_of(request: Request) -> dict[str, str]:
    """The query's members, without those of a presigned URL's signature.

    Raises:
        ServiceError: `InvalidURI`, it is not UTF-8, or has more than 1,000 members.
    """
    try:
        pairs = parse_qsl(request.query, keep_blank_values=True, errors="strict", max_num_fields=1000)
    except ValueError:
        raise _invalid_uri() from None
    return {name: value for name, value in pairs if not name.lower().startswith("x-amz-")}


def parse_copy_source(source: str) -> tuple[str, str]:
    """Bucket and key of an `x-amz-copy-source` header, `BUCKET/KEY` percent-encoded.

    Raises:
        ServiceError: it names no bucket or no key, or a version.
    """
    path, _, version = source.partition("?versionId=")
    if version not in ("", "null"):
        raise ServiceError(
            "NoSuchVersion", f"The specified version does not exist: {version}. Versions are not kept.", 404
        )
    bucket, _, key = _decode(path).removeprefix("/").partition("/")
    if not bucket or not key:
        raise ServiceError(
            "InvalidArgument", f"Copy Source must mention the source bucket and key: {source!r}."
        )
    return bucket, key


def _decode(text: str) -> str:
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeError:
        raise _invalid_uri() from None


def _invalid_uri() -> ServiceError:
    return ServiceError("InvalidURI", "Couldn't parse the specified URI: it is not percent-encoded UTF-8.")
