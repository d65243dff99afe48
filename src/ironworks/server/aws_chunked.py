"""The `aws-chunked` content encoding: a body in chunks, each possibly signed, with trailing headers.

    HEX-SIZE[;chunk-signature=HEX]\\r\\n BYTES \\r\\n … 0[;chunk-signature=HEX]\\r\\n NAME:VALUE\\r\\n … \\r\\n

Format and signatures: AWS, "Signature calculations for the authorization header: transferring payload in
multiple chunks" and "… including trailing headers" (Amazon S3 API reference).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import AsyncIterator

from ironworks.server.call import ChunkSigning
from ironworks.server.errors import ServiceError
from ironworks.server.http import Body

LONGEST_LINE = 8192
"""Bytes of a chunk's head or a trailing header."""

LARGEST_SIGNED_CHUNK = 16 * 1024 * 1024
"""A signed chunk is held back until its signature is checked, so it must fit into memory."""

_SIZE = re.compile(rb"[0-9a-fA-F]{1,16}")
_EMPTY = hashlib.sha256().hexdigest()


class AwsChunked:
    """Decodes a body. Iterate over it once; `trailers` is complete when the iteration ends."""

    def __init__(self, body: Body, signing: ChunkSigning | None) -> None:
        """`signing` is given when the chunks are signed; the client said so in X-Amz-Content-SHA256."""
        self._body = body
        self._signing = signing
        self._previous = signing.seed if signing else ""
        self._buffer = bytearray()
        self.trailers: dict[str, str] = {}
        """Names in lower case."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The decoded bytes.

        Raises:
            ServiceError: the framing is broken, the body ends early, or a signature is wrong.
        """
        while True:
            size, signature = _chunk_head(await self._line())
            if size == 0:
                break
            if self._signing is None:
                async for piece in self._take(size):
                    yield piece
            else:
                yield await self._signed_chunk(size, signature)
            if await self._line():
                raise _broken("a chunk is longer than it says")
        if self._signing is not None:
            self._check(_EMPTY, signature)
        await self._read_trailers()

    async def _signed_chunk(self, size: int, signature: str) -> bytes:
        if size > LARGEST_SIGNED_CHUNK:
            raise _broken(f"a signed chunk has {size} bytes, and at most {LARGEST_SIGNED_CHUNK} are taken")
        data = b"".join([piece async for piece in self._take(size)])
        self._check(hashlib.sha256(data).hexdigest(), signature)
        return data

    async def _read_trailers(self) -> None:
        signed = bytearray()
        while line := await self._line(last=True):
            name, separator, value = line.partition(b":")
            if not separator:
                raise _broken("a trailing header has no colon")
            self.trailers[name.strip().lower().decode("latin-1")] = value.strip().decode("latin-1")
            if name.strip().lower() != b"x-amz-trailer-signature":
                signed += name.strip().lower() + b":" + value.strip() + b"\n"
        async for _ in self._body:
            pass  # what follows the end is nothing, but reading the end is what makes the server check it
        if self._signing is not None and self.trailers:
            self._check_trailers(bytes(signed))

    def _check_trailers(self, signed: bytes) -> None:
        signature = self.trailers.pop("x-amz-trailer-signature", "")
        self._compare("AWS4-HMAC-SHA256-TRAILER", [hashlib.sha256(signed).hexdigest()], signature)

    def _check(self, digest: str, signature: str) -> None:
        self._compare("AWS4-HMAC-SHA256-PAYLOAD", [_EMPTY, digest], signature)
        self._previous = signature

    def _compare(self, algorithm: str, digests: list[str], signature: str) -> None:
        signing = self._signing
        assert signing is not None
        text = "\n".join([algorithm, signing.timestamp, signing.scope, self._previous, *digests])
        expected = hmac.new(signing.key, text.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise ServiceError(
                "SignatureDoesNotMatch",
                "The signature of a chunk does not match the one that was computed.",
                403,
            )

    async def _line(self, last: bool = False) -> bytes:
        # Behind the last chunk some clients leave the closing empty line out.
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > LONGEST_LINE:
                raise _broken("a chunk's head is too long")
            if not await self._more():
                if last and not self._buffer:
                    return b""
                raise _incomplete()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    async def _take(self, size: int) -> AsyncIterator[bytes]:
        while size:
            if not self._buffer and not await self._more():
                raise _incomplete()
            piece = bytes(self._buffer[:size])
            del self._buffer[:size]
            size -= len(piece)
            yield piece

    async def _more(self) -> bool:
        piece = await anext(self._body, b"")
        self._buffer += piece
        return bool(piece)


def _chunk_head(line: bytes) -> tuple[int, str]:
    digits, _, extension = line.partition(b";")
    if not _SIZE.fullmatch(digits.strip()):
        raise _broken(f"{line[:40]!r} is not the head of a chunk")
    size = int(digits, 16)
    name, _, signature = extension.partition(b"=")
    return size, signature.decode("latin-1") if name.strip() == b"chunk-signature" else ""


def _broken(reason: str) -> ServiceError:
    return ServiceError("InvalidRequest", f"The body is not valid aws-chunked: {reason}.")


def _incomplete() -> ServiceError:
    return ServiceError("IncompleteBody", "The request's body ended before its last chunk.")
