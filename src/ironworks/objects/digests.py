"""Checksums: the algorithms S3 knows, and how a multipart object's is made from its parts'.

Rules: AWS, "Checking object integrity in Amazon S3" (user guide).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from awscrt import checksums as crt

from ironworks.objects.errors import BadDigest, InvalidDigest, InvalidRequest

COMPOSITE = "COMPOSITE"
FULL_OBJECT = "FULL_OBJECT"


class Digest(Protocol):
    """A checksum under way."""

    def update(self, data: bytes, /) -> None:
        """Go on with `data`."""

    def digest(self) -> bytes:
        """The checksum of what came so far."""


class _Crc:
    def __init__(self, function: Callable[[bytes, int], int], size: int) -> None:
        self._function = function
        self._size = size
        self._value = 0

    def update(self, data: bytes) -> None:
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


# zlib's CRC-32 is faster than awscrt's where both were measured; the other two are in awscrt alone.
ALGORITHMS: Mapping[str, Callable[[], Digest]] = {
    "CRC32": lambda: _Crc(zlib.crc32, 4),
    "CRC32C": lambda: _Crc(crt.crc32c, 4),
    "CRC64NVME": lambda: _Crc(crt.crc64nvme, 8),
    "SHA1": hashlib.sha1,
    "SHA256": hashlib.sha256,
    "SHA512": hashlib.sha512,
    "MD5": hashlib.md5,
}

_COMBINE: Mapping[str, Callable[[int, int, int], int]] = {
    "CRC32": crt.combine_crc32,
    "CRC32C": crt.combine_crc32c,
    "CRC64NVME": crt.combine_crc64nvme,
}


def known(algorithm: str) -> str:
    """The algorithm, if it is one.

    Raises:
        InvalidRequest: it is not; the message lists those that are.
    """
    if algorithm not in ALGORITHMS:
        raise InvalidRequest(
            f"The checksum algorithm {algorithm!r} is not supported. Use one of {', '.join(ALGORITHMS)}."
        )
    return algorithm


def encode(digest: bytes) -> str:
    """Base64, as S3 writes checksums."""
    return base64.b64encode(digest).decode()


def decode(text: str, algorithm: str) -> bytes:
    """The bytes of a checksum in base64.

    Raises:
        InvalidDigest: it is not base64, or has the wrong length for the algorithm.
    """
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != len(ALGORITHMS[algorithm]().digest()):
        raise InvalidDigest(f"{text!r} is not a {algorithm} checksum in base64.")
    return digest


def check(algorithm: str, expected: str, actual: bytes) -> None:
    """Compare what was sent with what was computed.

    Raises:
        InvalidDigest: what was sent is no checksum.
        BadDigest: they differ.
    """
    if decode(expected, algorithm) != actual:
        raise BadDigest(
            f"The {algorithm} you specified ({expected}) did not match what was received ({encode(actual)})."
        )


def default_type(algorithm: str) -> str:
    """The kind of checksum that a multipart upload gets unless it asks for another."""
    return FULL_OBJECT if algorithm == "CRC64NVME" else COMPOSITE


def check_type(algorithm: str, kind: str) -> None:
    """Which kinds an algorithm can have: only a CRC can be put together, and CRC-64 only so.

    Raises:
        InvalidRequest: the combination does not exist.
    """
    if kind not in (COMPOSITE, FULL_OBJECT):
        raise InvalidRequest(f"{kind!r} is not a checksum type. Use {COMPOSITE} or {FULL_OBJECT}.")
    if (kind == FULL_OBJECT and algorithm not in _COMBINE) or (
        kind == COMPOSITE and algorithm == "CRC64NVME"
    ):
        raise InvalidRequest(f"The {kind} checksum type cannot be used with the {algorithm} algorithm.")


def of_parts(algorithm: str, kind: str, parts: Sequence[tuple[str, int]]) -> str:
    """The checksum of a multipart object, from each part's checksum (base64) and size (bytes)."""
    digests = [(decode(text, algorithm), size) for text, size in parts]
    if kind == COMPOSITE:
        digest = ALGORITHMS[algorithm]()
        digest.update(b"".join(part for part, _ in digests))
        return f"{encode(digest.digest())}-{len(parts)}"
    first, *rest = digests
    value = int.from_bytes(first[0], "big")
    for part, size in rest:
        value = _COMBINE[algorithm](value, int.from_bytes(part, "big"), size)
    return encode(value.to_bytes(len(first[0]), "big"))


def etag_of_parts(etags: Sequence[str]) -> str:
    """The ETag of a multipart object: the MD5 of its parts' MD5s, and their number."""
    return f"{hashlib.md5(b''.join(bytes.fromhex(etag) for etag in etags)).hexdigest()}-{len(etags)}"
