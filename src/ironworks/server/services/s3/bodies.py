"""Request bodies: decoded, checked, and on their way into the store while they still arrive."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from ironworks.objects import Expected, Writer, digests
from ironworks.objects.errors import IncompleteBody
from ironworks.server.aws_chunked import AwsChunked
from ironworks.server.call import Caller
from ironworks.server.errors import ServiceError
from ironworks.server.http import Body, Request
from ironworks.server.signed_body import SignedBody

BATCH = 4 * 1024 * 1024
"""Bytes that are handed to the store at once. At most three such batches of an upload are in memory."""

LARGEST_XML = 8 * 1024 * 1024
"""Bytes: a completion of 10,000 parts with checksums has less."""

_LENGTH = re.compile(r"[0-9]{1,18}")
_STREAMING = (
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
)
_HEADER = "x-amz-checksum-"
_NOT_CHECKSUMS = {"x-amz-checksum-algorithm", "x-amz-checksum-mode", "x-amz-checksum-type"}

T = TypeVar("T")


@dataclass(frozen=True)
class Payload:
    """A request's body without its transfer encodings, and what the sender says about it."""

    request: Request
    chunked: AwsChunked | None

    @classmethod
    def of(cls, request: Request, caller: Caller) -> Payload:
        """Look at the headers; nothing is read yet.

        Raises:
            ServiceError: the body's chunks are signed, but the request is not, or signed in an unknown way.
        """
        kind = request.headers.get("x-amz-content-sha256", "")
        encodings = request.headers.get("content-encoding", "").lower().split(",")
        if not kind.startswith("STREAMING-") and "aws-chunked" not in map(str.strip, encodings):
            return cls(request, None)
        if kind.startswith("STREAMING-") and kind not in _STREAMING:
            raise ServiceError(
                "NotImplemented",
                f"Bodies signed as {kind} are not taken. Use {' or '.join(_STREAMING)}.",
                501,
            )
        signed = kind.startswith("STREAMING-AWS4-HMAC-SHA256")
        if signed and caller.chunk_signing is None:
            raise ServiceError("AccessDenied", "The chunks are signed, but the request is not.", 403)
        return cls(request, AwsChunked(request.body, caller.chunk_signing if signed else None))

    @property
    def body(self) -> AsyncIterator[bytes]:
        """The decoded bytes; read them once."""
        return self.request.body if self.chunked is None else aiter(self.chunked)

    def algorithms(self) -> list[str]:
        """The checksums that must be computed: those sent, those announced as trailers, those only named.

        Raises:
            InvalidRequest: S3 or this server does not know one of them.
        """
        headers = self.request.headers
        named = headers.get("x-amz-sdk-checksum-algorithm") or headers.get("x-amz-checksum-algorithm")
        sent = [*_checksum_names(headers), *_checksum_names(self._announced())]
        names = [name.removeprefix(_HEADER) for name in sent] + ([named] if named else [])
        return list(dict.fromkeys(digests.known(name.upper()) for name in names))

    def expected(self) -> Expected:
        """What the sender said; complete once the body was read.

        Raises:
            ServiceError: a trailer that was announced did not come, or a length is not a number.
        """
        headers = self.request.headers
        length = headers.get("x-amz-decoded-content-length" if self.chunked else "content-length")
        if length is not None and not _LENGTH.fullmatch(length):
            raise ServiceError("InvalidArgument", f"The content length {length!r} is not a number.")
        checksums = {name: headers[name] for name in _checksum_names(headers)}
        for name in self._announced():
            if self.chunked is None or name not in self.chunked.trailers:
                raise ServiceError(
                    "MalformedTrailerError", f"The trailing header {name} was announced and not sent."
                )
            if name.startswith(_HEADER):
                checksums[name] = self.chunked.trailers[name]
        return Expected(
            size=None if length is None else int(length),
            md5=headers.get("content-md5"),
            checksums={name.removeprefix(_HEADER).upper(): text for name, text in checksums.items()},
        )

    async def read(self, with_checksums: bool) -> bytes:
        """The whole body of an operation that takes XML, checked.

        `with_checksums` also against the headers of checksums; they may be about something else than the body.

        Raises:
            ServiceError: it is too large.
            BadDigest, InvalidDigest, IncompleteBody: it is not what was sent.
        """
        data = bytearray()
        async for piece in self.body:
            data += piece
            if len(data) > LARGEST_XML:
                raise ServiceError("EntityTooLarge", f"The body has more than {LARGEST_XML} bytes.")
        expected = self.expected()
        if expected.size is not None and expected.size != len(data):
            raise IncompleteBody(expected.size, len(data))
        said = dict(expected.checksums) if with_checksums else {}
        if expected.md5 is not None:
            said["MD5"] = expected.md5
        for name, text in said.items():
            digest = digests.ALGORITHMS[digests.known(name)]()
            digest.update(bytes(data))
            digests.check(name, text, digest.digest())
        return bytes(data)

    async def store(self, open_writer: Callable[[], Writer[T]]) -> T:
        """Write the body and commit it. Receiving goes on while the bytes before are hashed and written.

        Raises:
            ServiceError, ObjectError: the body or its place is at fault; then nothing is stored.
        """
        body = self.body
        sha256 = None
        if isinstance(body, SignedBody):
            sha256 = body.sha256
            body = body.unchecked  # the store computes it: once is enough
        writer = await asyncio.to_thread(open_writer)
        # A thread cannot be interrupted: whatever happens here, it ends before the writer is closed.
        running: asyncio.Task[object] | None = None
        try:
            async for batch in _batches(body):
                if running is not None:
                    await asyncio.shield(running)
                running = asyncio.create_task(asyncio.to_thread(writer.write, batch))
            if running is not None:
                await asyncio.shield(running)
            committing = asyncio.create_task(
                asyncio.to_thread(writer.commit, replace(self.expected(), sha256=sha256))
            )
            running = committing
            return await asyncio.shield(committing)
        finally:
            if running is not None:
                await asyncio.gather(running, return_exceptions=True)
            await asyncio.to_thread(writer.__exit__, None, None, None)

    def _announced(self) -> dict[str, str]:
        names = self.request.headers.get("x-amz-trailer", "").lower().split(",")
        return {name.strip(): "" for name in names if name.strip()}


async def _batches(body: Body) -> AsyncIterator[bytes]:
    held: list[bytes] = []
    size = 0
    async for piece in body:
        held.append(piece)
        size += len(piece)
        if size >= BATCH:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def _checksum_names(headers: Iterable[str]) -> list[str]:
    return [name for name in headers if name.startswith(_HEADER) and name not in _NOT_CHECKSUMS]
