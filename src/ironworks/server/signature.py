"""AWS Signature Version 4: who signed a request, and is it what was signed.

The algorithm is AWS's "Signing AWS API requests" (general reference); the forms are the `Authorization`
header and the presigned URL. S3 signs the path as it is sent, every other service signs it encoded once more.
"""

from __future__ import annotations

import hashlib
import hmac
import posixpath
import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote

from ironworks.server.call import Caller, ChunkSigning
from ironworks.server.errors import ServiceError
from ironworks.server.http import Request, Whole
from ironworks.server.keys import Identity, Keys
from ironworks.server.signed_body import SignedBody

CLOCK_SKEW = timedelta(minutes=15)
LONGEST_PRESIGNED = 7 * 24 * 3600
ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
STREAMING_PAYLOAD = "STREAMING-"
LARGEST_UNDECLARED_BODY = 32 * 1024 * 1024
"""Bytes read to hash a body whose SHA-256 is not in a header (every service but S3)."""

_AUTHORIZATION = re.compile(r"AWS4-HMAC-SHA256\s+(.*)", re.DOTALL)
_CREDENTIAL = re.compile(r"(\w+)/(\d{8})/([\w-]+)/([\w-]+)/aws4_request", re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,6}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Signature(NamedTuple):
    """The signing part of a request, as its sender wrote it."""

    access_key: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str
    timestamp: str
    session_token: str | None
    expires: int | None
    """Seconds that a presigned URL is valid; None for a signature in the header."""

    @property
    def scope(self) -> str:
        """`DATE/REGION/SERVICE/aws4_request`."""
        return f"{self.date}/{self.region}/{self.service}/aws4_request"

    def age(self, now: datetime) -> timedelta:
        """How long ago it was signed; negative when the sender's clock is ahead."""
        try:
            return now - _moment(self.timestamp)
        except ValueError:
            raise ServiceError(
                "IncompleteSignature", f"X-Amz-Date is {self.timestamp!r}; give it as 20260131T235959Z."
            ) from None


def parse(request: Request) -> Signature | None:
    """The signature of a request, from its header or its URL; None when it has none.

    Raises:
        ServiceError: `IncompleteSignature`, a part is missing or malformed.
    """
    authorization = request.headers.get("authorization")
    if authorization is not None:
        return _from_header(request, authorization)
    if "X-Amz-Signature=" in request.query:
        return _from_query(dict(_query_pairs(request.query)))
    return None


async def verify(request: Request, signature: Signature, keys: Keys, now: datetime) -> Caller:
    """Check the signature and answer who called.

    A body whose SHA-256 is in a header is wrapped so that reading its end raises when it differs; any other
    that is signed has been read and hashed for the signature itself.

    Raises:
        ServiceError: the key is unknown, the signature is wrong, expired or not yet valid.
    """
    identity = keys.identify(signature.access_key, signature.session_token)
    if identity is None or (identity.expires is not None and identity.expires < now):
        raise _refusal(
            signature, "key", "The security token included in the request is invalid or has expired."
        )
    _check_age(signature, now)
    _check_coverage(request, signature)
    payload_hash = await _payload_hash(request, signature)
    key = _signing_key(identity.secret_access_key, signature.date, signature.region, signature.service)
    canonical = _canonical_request(request, signature, payload_hash)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"{ALGORITHM}\n{signature.timestamp}\n{signature.scope}\n{digest}"
    expected = hmac.digest(key, to_sign.encode(), "sha256").hex()
    if not hmac.compare_digest(expected.encode(), signature.signature.encode()):
        raise _refusal(
            signature,
            "signature",
            "The request signature we calculated does not match the signature you provided. "
            'Check your AWS Secret Access Key and signing method: eval "$(ironworks env)" sets the right key.',
        )
    chunks = None
    if payload_hash.startswith(STREAMING_PAYLOAD):
        chunks = ChunkSigning(key, signature.signature, signature.timestamp, signature.scope)
    return _caller(signature, identity, keys, chunks)


def _caller(signature: Signature, identity: Identity, keys: Keys, chunks: ChunkSigning | None) -> Caller:
    return Caller(
        access_key=signature.access_key,
        account=keys.account,
        region=signature.region,
        service=signature.service,
        role_name=identity.role_name,
        session_name=identity.session_name,
        chunk_signing=chunks,
    )


def _from_header(request: Request, authorization: str) -> Signature:
    match = _AUTHORIZATION.fullmatch(authorization.strip())
    fields = dict(part.strip().partition("=")[::2] for part in match.group(1).split(",")) if match else {}
    credential = _CREDENTIAL.fullmatch(fields.get("Credential", ""))
    if credential is None or "SignedHeaders" not in fields or "Signature" not in fields:
        raise ServiceError(
            "IncompleteSignature",
            "The Authorization header must be 'AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…'.",
        )
    access_key, date, region, service = credential.groups()
    return Signature(
        access_key=access_key,
        date=date,
        region=region,
        service=service,
        signed_headers=_names(fields["SignedHeaders"]),
        signature=fields["Signature"],
        timestamp=request.headers.get("x-amz-date", ""),
        session_token=request.headers.get("x-amz-security-token"),
        expires=None,
    )


def _from_query(query: Mapping[str, str]) -> Signature:
    credential = _CREDENTIAL.fullmatch(query.get("X-Amz-Credential", ""))
    expires = query.get("X-Amz-Expires", "")
    if credential is None or not _SECONDS.fullmatch(expires) or not 0 < int(expires) <= LONGEST_PRESIGNED:
        raise ServiceError(
            "AuthorizationQueryParametersError",
            "A presigned URL needs X-Amz-Credential, X-Amz-Date, X-Amz-SignedHeaders, X-Amz-Signature and "
            f"X-Amz-Expires between 1 and {LONGEST_PRESIGNED} seconds.",
        )
    access_key, date, region, service = credential.groups()
    return Signature(
        access_key=access_key,
        date=date,
        region=region,
        service=service,
        signed_headers=_names(query.get("X-Amz-SignedHeaders", "")),
        signature=query.get("X-Amz-Signature", ""),
        timestamp=query.get("X-Amz-Date", ""),
        session_token=query.get("X-Amz-Security-Token"),
        expires=int(expires),
    )


def _check_age(signature: Signature, now: datetime) -> None:
    age = signature.age(now)
    if signature.expires is not None and age > timedelta(seconds=signature.expires):
        raise _refusal(signature, "presigned", "Request has expired")
    if age < -CLOCK_SKEW or (signature.expires is None and age > CLOCK_SKEW):
        raise _refusal(
            signature,
            "time",
            f"Signature expired or not yet valid: it says {signature.timestamp}, the server's clock "
            f"{now:%Y%m%dT%H%M%SZ}, and they may differ by 15 minutes. Set the client's clock.",
        )


def _check_coverage(request: Request, signature: Signature) -> None:
    """Whoever intercepts a request, or is given a presigned URL, must not add to what was signed.

    Raises:
        ServiceError: the host or an `x-amz-` header is not among the signed headers, or the key is another day's.
    """
    if not signature.timestamp.startswith(signature.date):
        raise _refusal(
            signature,
            "signature",
            f"The date {signature.date} in the credential is not that of X-Amz-Date, {signature.timestamp}.",
        )
    signed = _lowered(signature.signed_headers)
    added = [name for name in request.headers if name.startswith("x-amz-") and name not in signed]
    missing = added if "host" in signed else ["host", *added]
    if missing:
        raise _refusal(
            signature,
            "coverage",
            f"There were headers which must be signed and are not: {', '.join(missing)}.",
        )


# What AWS's services call the same refusals: S3, the query services (STS, IAM), the JSON services.
_CODES = {
    "key": (("InvalidAccessKeyId", 403), ("InvalidClientTokenId", 403), ("UnrecognizedClientException", 400)),
    "signature": (
        ("SignatureDoesNotMatch", 403),
        ("SignatureDoesNotMatch", 403),
        ("InvalidSignatureException", 400),
    ),
    "coverage": (("AccessDenied", 403), ("SignatureDoesNotMatch", 403), ("InvalidSignatureException", 400)),
    "time": (("RequestTimeTooSkewed", 403), ("RequestExpired", 400), ("RequestExpired", 400)),
    "presigned": (("AccessDenied", 403), ("RequestExpired", 400), ("RequestExpired", 400)),
}


def _refusal(signature: Signature, kind: str, message: str) -> ServiceError:
    column = 0 if signature.service == "s3" else 1 if signature.service in ("sts", "iam") else 2
    code, status = _CODES[kind][column]
    return ServiceError(code, message, status)


async def _payload_hash(request: Request, signature: Signature) -> str:
    declared = request.headers.get("x-amz-content-sha256")
    if declared is not None:
        known = declared == UNSIGNED_PAYLOAD or declared.startswith(STREAMING_PAYLOAD)
        if _SHA256.fullmatch(declared):
            request.body = SignedBody(request.body, declared)
        elif not known:
            raise ServiceError(
                "InvalidArgument",
                "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-…, or a SHA-256 in lower-case hexadecimal.",
            )
        return declared
    if signature.service == "s3" and signature.expires is not None:
        return UNSIGNED_PAYLOAD
    body = await request.read(LARGEST_UNDECLARED_BODY)
    request.body = Whole(body)
    return hashlib.sha256(body).hexdigest()


@lru_cache(maxsize=64)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = ("AWS4" + secret).encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


# What follows is computed anew for each request, and is mostly what it was for the last: a client sends the same
# headers to the same path, within the same second.


@lru_cache(maxsize=64)
def _moment(timestamp: str) -> datetime:
    return datetime.strptime(timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)


@lru_cache(maxsize=256)
def _names(signed_headers: str) -> tuple[str, ...]:
    return tuple(signed_headers.split(";"))


@lru_cache(maxsize=256)
def _lowered(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(name.lower() for name in names)


def _canonical_request(request: Request, signature: Signature, payload_hash: str) -> str:
    sent = request.headers
    headers = "".join(
        [f"{name}:{' '.join(sent.get(name, '').split())}\n" for name in signature.signed_headers]
    )
    return "\n".join(
        (
            request.method,
            request.path if signature.service == "s3" else _canonical_path(request.path),
            _canonical_query(request.query),
            headers,
            ";".join(signature.signed_headers),
            payload_hash,
        )
    )


@lru_cache(maxsize=256)
def _canonical_path(path: str) -> str:
    normal = posixpath.normpath(path)
    if normal.startswith("//"):
        normal = normal[1:]
    if path.endswith("/") and normal != "/":
        normal += "/"
    return quote(normal, safe="/~")


def _canonical_query(query: str) -> str:
    if not query:
        return ""
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in _query_pairs(query)
        if name != "X-Amz-Signature"
    )
    return "&".join(f"{name}={value}" for name, value in pairs)


def _query_pairs(query: str) -> list[tuple[str, str]]:
    parts = (part.partition("=") for part in query.split("&") if part)
    return [(unquote(name), unquote(value)) for name, _, value in parts]
