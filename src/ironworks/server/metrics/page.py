"""`GET /metrics`: who may read it, and what it answers."""

from __future__ import annotations

import asyncio
import hmac
import secrets
from pathlib import Path

from ironworks.control.platform import Platform
from ironworks.errors import PlatformError
from ironworks.server.http import Request, Response
from ironworks.server.keys import write_private
from ironworks.server.metrics import exposition
from ironworks.server.metrics.registry import Metrics

PATH = "/metrics"
_ABSENT = (
    "The metrics need the token of this installation: Authorization: Bearer TOKEN, with what is in the file "
    "metrics.token of its home.\n"
)


def matches(request: Request) -> bool:
    """Whether this asks for the metrics, and not S3 for a bucket of that name."""
    return (
        request.path == PATH
        and request.method == "GET"
        and not request.query
        and not request.headers.get("authorization", "").startswith("AWS")
    )


def open_token(path: Path) -> str:
    """Read the token of the page, or generate it at first use (file mode 0600).

    Raises:
        PlatformError: the file is there and cannot be used.
    """
    try:
        if not path.exists():
            write_private(path, secrets.token_urlsafe(30))
        token = path.read_text().strip()
    except (OSError, ValueError) as error:
        raise PlatformError(
            f"The token in {path} cannot be read ({error}). Delete the file for a new one."
        ) from error
    if not token:
        raise PlatformError(f"The file {path} is empty. Delete it, so that a new token is made.")
    return token


class MetricsPage:
    """The page, for who has its token."""

    def __init__(self, metrics: Metrics, platform: Platform, token: str) -> None:
        self._metrics = metrics
        self._platform = platform
        self._authorization = f"bearer {token}".encode()

    async def answer(self, request: Request) -> Response:
        """The metrics as text, or 401."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        given = f"{scheme.lower()} {token.strip()}".encode("latin-1")
        if not hmac.compare_digest(given, self._authorization):
            headers = {"WWW-Authenticate": "Bearer", "Content-Type": "text/plain"}
            return Response(401, headers, _ABSENT.encode())
        body = await asyncio.to_thread(exposition.page, self._metrics, self._platform)
        return Response(200, {"Content-Type": exposition.CONTENT_TYPE}, body)
