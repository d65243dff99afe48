"""Which bucket and key a request means."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, unquote_to_bytes

from ironworks.server.errors import ServiceError
from ironworks.server.http import Request
from ironworks.server.services.s3.call import argument_error

PLAIN_TEXT = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
"""What the value of a header can be."""

_SIGNING = {
    f"x-amz-{name}"
    for name in ("algorithm", "credential", "date", "expires", "signedheaders", "signature", "security-token")
}
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
    """The query's members, without a presigned URL's signature and headers.

    Raises:
        ServiceError: `InvalidURI`, it is not UTF-8, or has more than 1,000 members.
    """
    return {name: value for name, value in _pairs(request) if not name.lower().startswith("x-amz-")}


def with_hoisted_headers(request: Request) -> Request:
    """The request with the `x-amz-` headers that a presigned URL carries among its query's members.

    Raises:
        ServiceError: `InvalidArgument`, one of them is none that a header could hold.
    """
    hoisted = {name.lower(): value for name, value in _pairs(request) if name.lower().startswith("x-amz-")}
    for name in hoisted.keys() & _SIGNING:
        del hoisted[name]
    for name, value in hoisted.items():
        if not PLAIN_TEXT.fullmatch(name + value):
            raise argument_error(name, value, "A header may not hold control characters.")
    return replace(request, headers={**hoisted, **request.headers}) if hoisted else request


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


def _pairs(request: Request) -> list[tuple[str, str]]:
    try:
        return parse_qsl(request.query, keep_blank_values=True, errors="strict", max_num_fields=1000)
    except ValueError:
        raise _invalid_uri() from None


def _decode(text: str) -> str:
    try:
        # Headers and paths come as latin-1, which keeps raw UTF-8 as the bytes that were sent.
        return unquote_to_bytes(text.encode("latin-1")).decode()
    except UnicodeError:
        raise _invalid_uri() from None


def _invalid_uri() -> ServiceError:
    return ServiceError("InvalidURI", "Couldn't parse the specified URI: it is not percent-encoded UTF-8.")
