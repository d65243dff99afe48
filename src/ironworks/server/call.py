"""What a service is given and what it must offer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ironworks.server.errors import ServiceError
from ironworks.server.http import Request, Response


@dataclass(frozen=True)
class ChunkSigning:
    """What signs the chunks of an `STREAMING-AWS4-HMAC-SHA256-PAYLOAD[-TRAILER]` body.

    Attributes:
        key: the derived signing key.
        seed: the request's own signature (hex), the first chunk's "previous signature".
        timestamp: `X-Amz-Date`.
        scope: `DATE/REGION/SERVICE/aws4_request`.
    """

    key: bytes
    seed: str
    timestamp: str
    scope: str


class Caller(NamedTuple):
    """Who signed the request, and for which service and region."""

    access_key: str
    account: str
    region: str
    service: str
    role_name: str = ""
    session_name: str = ""
    chunk_signing: ChunkSigning | None = None


class Service(Protocol):
    """One AWS service: S3, SageMaker, …"""

    async def answer(self, request: Request, caller: Caller) -> Response:
        """Perform the request.

        Raises:
            ServiceError: in the service's own terms; `failure` writes it.
        """

    def failure(self, request: Request, error: ServiceError) -> Response:
        """The error in the service's protocol."""
