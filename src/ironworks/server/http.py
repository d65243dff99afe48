"""The request and the answer as the services see them, independent of the HTTP server underneath."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

Body = AsyncIterator[bytes]
"""Chunks of a body, in order; none is empty, and all are at most 1 MiB."""


class Whole:
    """A body that is here already. Reading it in one piece costs nothing."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def __aiter__(self) -> Whole:
        return self

    async def __anext__(self) -> bytes:
        """All of it, once."""
        if not self.content:
            raise StopAsyncIteration
        content, self.content = self.content, b""
        return content


@dataclass
class Request:
    """One HTTP request.

    Attributes:
        method: upper case.
        path: as sent, still percent-encoded: signatures cover this form.
        query: the part behind the `?`, as sent.
        headers: names in lower case; values of a repeated header are joined with a comma.
        body: what follows, read once. After `server.signature.verify` it raises at its end when
            the payload does not have the SHA-256 that was signed.
        received: when its head was there, by `time.perf_counter`.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: Body
    id: str = ""
    received: float = field(default_factory=time.perf_counter)

    async def read(self, limit: int) -> bytes:
        """The whole body.

        Raises:
            RequestTooLarge: it has more than `limit` bytes.
        """
        if isinstance(self.body, Whole) and len(self.body.content) <= limit:
            return self.body.content
        chunks: list[bytes] = []
        size = 0
        async for chunk in self.body:
            size += len(chunk)
            if size > limit:
                raise RequestTooLarge(limit)
            chunks.append(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def new_request_id() -> str:
    """A random text in the form of a UUID, as AWS's request ids are."""
    digits = os.urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


class RequestTooLarge(Exception):
    """A body has more bytes than the operation takes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The request's body has more than {limit} bytes.")
        self.limit = limit


@dataclass
class Response:
    """One HTTP answer. A body that is an iterator is sent chunk by chunk; give `Content-Length` when it is known."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Body = b""


class ClientDisconnected(Exception):
    """The client went away before its whole request had come."""
