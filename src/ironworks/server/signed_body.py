"""A request's body whose SHA-256 was signed."""

from __future__ import annotations

import hashlib

from ironworks.server.errors import ServiceError
from ironworks.server.http import Body


class SignedBody:
    """The chunks of a body. Reading its end raises when they do not have the SHA-256 (hex) that was signed.

    Who computes the SHA-256 anyway, and away from the event loop, takes `unchecked` and compares `sha256`.
    """

    def __init__(self, body: Body, sha256: str) -> None:
        self.unchecked = body
        self.sha256 = sha256
        self._digest = hashlib.sha256()

    def __aiter__(self) -> SignedBody:
        return self

    async def __anext__(self) -> bytes:
        """The next chunk.

        Raises:
            ServiceError: `XAmzContentSHA256Mismatch`, it was the last, and the body is another than the signed one.
        """
        try:
            chunk = await anext(self.unchecked)
        except StopAsyncIteration:
            if self._digest.hexdigest() != self.sha256:
                raise ServiceError(
                    "XAmzContentSHA256Mismatch",
                    "The provided 'x-amz-content-sha256' header does not match what was computed.",
                ) from None
            raise
        self._digest.update(chunk)
        return chunk
