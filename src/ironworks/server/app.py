"""The ASGI application: the path of a request, as one list of steps.

1. The server's own pages (health, metrics, the console) and the SDK's telemetry need no signature.
2. Read who signed, for which service and region.
3. Verify the signature; from here on the body is checked while it is read.
4. Let the service perform the operation and answer.

Whatever goes wrong is answered in the service's own protocol.
"""

from __future__ import annotations

import asyncio
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from ironworks import __version__
from ironworks.database import utc_now
from ironworks.errors import IronworksError
from ironworks.server import presigned_v2, signature
from ironworks.server.asgi import Exchange, Receive, Scope, Send
from ironworks.server.call import Service
from ironworks.server.errors import ServiceError
from ironworks.server.http import ClientDisconnected, Request, RequestTooLarge, Response
from ironworks.server.installation import Installation
from ironworks.server.metrics import page
from ironworks.server.services import runtime
from ironworks.server.services.unknown import UnknownService

log = logging.getLogger(__name__)

HEALTH = "/_ironworks/health"
THREADS = 32
"""Operations that may use the database or the disk at a time: they wait more than they compute."""
TELEMETRY_HOST = "sm-pysdk-t-"
UNSIGNED_SERVICE = "s3"
"""A request without a signature is answered as S3 does: it is what browsers and curl see."""


class Pages(Protocol):
    """What is answered below one path for people, beside the wire: it sees for itself who may look."""

    prefix: str

    async def answer(self, request: Request) -> Response: ...


class App:
    """One installation behind ASGI, and pages for people if there are any."""

    def __init__(self, installation: Installation, pages: Pages | None = None) -> None:
        self._installation = installation
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event: the server's life, or a request."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            exchange = Exchange(scope, receive, send)
            try:
                await exchange.answer(await self.respond(exchange.request))
            except ClientDisconnected:
                request = exchange.request
                log.debug("The client went away during %s %s", request.method, request.path)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        threads = ThreadPoolExecutor(THREADS, thread_name_prefix="operation")
        asyncio.get_running_loop().set_default_executor(threads)
        try:
            self._installation.start()
        except IronworksError as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._installation.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def respond(self, request: Request) -> Response:
        """The answer to a request, whichever way it came.

        Raises:
            ClientDisconnected: the client went away while its request was read.
        """
        own = await self._own_page(request)
        if own is not None:
            return own
        service = self._installation.services[UNSIGNED_SERVICE]
        try:
            if presigned_v2.matches(request):
                return await service.answer(
                    request, presigned_v2.verify(request, self._installation.keys, utc_now())
                )
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

    async def _own_page(self, request: Request) -> Response | None:
        """What needs no signature; None for the wire."""
        if request.path == HEALTH:
            return _health()
        if self._pages is not None and request.path.startswith(self._pages.prefix):
            return await self._pages.answer(request)
        if page.matches(request):
            return await self._installation.metrics_page.answer(request)
        return Response() if request.headers.get("host", "").startswith(TELEMETRY_HOST) else None

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
