"""The ASGI application: the path of a request, as one list of steps.

1. The server's own pages (health) and the SDK's telemetry need no signature.
2. Read who signed, for which service and region.
3. Verify the signature; from here on the body is checked while it is read.
4. Let the service perform the operation and answer.

Whatever goes wrong is answered in the service's own protocol.
"""

from __future__ import annotations

import json
import logging
import secrets
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ironworks import __version__
from ironworks.database import utc_now
from ironworks.errors import IronworksError
from ironworks.home import Home
from ironworks.server import signature
from ironworks.server.call import Service
from ironworks.server.errors import ServiceError
from ironworks.server.http import Body, ClientDisconnected, Request, RequestTooLarge, Response
from ironworks.server.installation import Installation
from ironworks.server.services import runtime
from ironworks.server.services.unknown import UnknownService

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

HEALTH = "/_ironworks/health"
TELEMETRY_HOST = "sm-pysdk-t-"
UNSIGNED_SERVICE = "s3"
"""A request without a signature is answered as S3 does: it is what browsers and curl see."""


def create_app(home: Home, address: str) -> App:
    """The application of the installation at `home`, which is opened when the application starts.

    `address` is the URL at which jobs reach it.
    """
    return App(Installation(home, address))


class App:
    """One installation behind ASGI."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event: the server's life, or a request."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            request = _request(scope, receive)
            try:
                await _send(await self._respond(request), send)
            except ClientDisconnected:
                log.debug("The client went away during %s %s", request.method, request.path)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            self._installation.start()
        except IronworksError as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._installation.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _respond(self, request: Request) -> Response:
        if request.path == HEALTH:
            return _health()
        if request.headers.get("host", "").startswith(TELEMETRY_HOST):
            return Response()
        service = self._installation.services[UNSIGNED_SERVICE]
        try:
            signed = signature.parse(request)
            if signed is None:
                raise ServiceError("MissingAuthenticationToken", _UNSIGNED, 403)
            service = self._service(signed.service, request)
            caller = await signature.verify(request, signed, self._installation.keys, utc_now())
            return await service.answer(request, caller)
        except ServiceError as error:
            return service.failure(request, error)
        except RequestTooLarge as error:
            return service.failure(request, ServiceError("RequestEntityTooLarge", str(error), 413))
        except ClientDisconnected:
            raise
        except Exception:
            log.exception("%s %s failed (request %s)", request.method, request.path, request.id)
            return service.failure(request, _internal(request))

    def _service(self, name: str, request: Request) -> Service:
        if name == "sagemaker" and runtime.matches(request):
            name = "sagemaker-runtime"
        return self._installation.services.get(name, _UNKNOWN)


_UNKNOWN = UnknownService()
_UNSIGNED = (
    'Request is missing Authentication Token. Set the client up with eval "$(ironworks env)", '
    "which gives it the keys of this installation."
)


def _internal(request: Request) -> ServiceError:
    return ServiceError(
        "InternalFailure", f"The server failed; its log has the reason under request {request.id}.", 500
    )


def _health() -> Response:
    body = json.dumps({"status": "ok", "version": __version__}).encode()
    return Response(headers={"Content-Type": "application/json"}, body=body)


def _request(scope: Scope, receive: Receive) -> Request:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return Request(
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        body=_body(receive),
        id=str(uuid.UUID(bytes=secrets.token_bytes(16), version=4)),
    )


async def _body(receive: Receive) -> Body:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        if message.get("body"):
            yield message["body"]
        more = message.get("more_body", False)


async def _send(response: Response, send: Send) -> None:
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()
    ]
    body = response.body
    has_length = any(name == b"content-length" for name, _ in headers)
    if isinstance(body, bytes) and response.status not in (204, 304) and not has_length:
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if isinstance(body, bytes):
        await send({"type": "http.response.body", "body": body})
        return
    async for chunk in body:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
