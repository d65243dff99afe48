"""The one port: plain HTTP, and a CONNECT gateway that speaks for AWS's hosts.

    GET / HTTP/1.1                             → the application
    POST /endpoints/digits/invocations …       → the application, on the short way
    CONNECT sts.eu-west-1.amazonaws.com:443    → TLS ends here → the application
    CONNECT example.org:443                    → a tunnel to example.org, untouched
    GET http://example.org/ HTTP/1.1           → 501: only CONNECT is offered

A connection is looked at until its kind is plain and is then another protocol's; nothing stays in between.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import logging
import re
import ssl
from collections.abc import Coroutine
from http import HTTPStatus
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from ironworks.server.authority import Authority, covers
from ironworks.server.invocations import PREFIX, Invocations, Respond
from ironworks.server.tunnel import Unreachable, UpstreamProxy, dial, join

OPENING_TIMEOUT = 30.0
"""Seconds for a client to say what it wants, and for its TLS handshake."""

HEAD_LIMIT = 16 * 1024
"""Bytes of a CONNECT request's header."""

HTTP_HEAD_LIMIT = 64 * 1024
"""Bytes of any other request's line and header, beyond the first piece of it that comes in."""

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"

_HTTPS_PORT = 443
_UNDECIDED = re.compile(rb"[A-Z]{0,20}|[A-Z]{1,20} .{0,7}", re.DOTALL)
_ABSOLUTE = re.compile(rb"[A-Z]+ https?://", re.IGNORECASE)
_CONNECT = re.compile(
    rb"CONNECT (?:\[([0-9a-fA-F:.]+)\]|([a-zA-Z0-9._-]+)):(\d{1,5}) HTTP/1\.[01]\r\n", re.DOTALL
)

_log = logging.getLogger(__name__)


def gateway(authority: Authority, upstream: UpstreamProxy | None = None) -> type[asyncio.Protocol]:
    """The protocol to give to `uvicorn.Config(http=…)`.

    `upstream` is the proxy that tunnels go through, for a machine that cannot reach other hosts directly.
    """
    return cast(type[asyncio.Protocol], functools.partial(Gateway, authority, upstream))


class Refusal(Exception):
    """What a client asked for is not done; it is told the status and the message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Http(HttpToolsProtocol):
    """HTTP whose requests have to begin and to state themselves in a limited time and space, before any is read."""

    _timer: asyncio.TimerHandle | None = None
    _head_size: int | None = None  # of a head that has begun and is not complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timer = self.loop.call_later(OPENING_TIMEOUT, self._expire)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._head_size is not None:
            self._head_size += len(data)
            if self._head_size > HTTP_HEAD_LIMIT:
                self._refuse(f"The header of this request is longer than {HTTP_HEAD_LIMIT} bytes.")
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._stop_timer()
        self._timer = self.loop.call_later(OPENING_TIMEOUT, self._expire)
        self._head_size = 0

    def on_headers_complete(self) -> None:
        self._stop_timer()
        super().on_headers_complete()

    def _stop_timer(self) -> None:
        self._head_size = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        self._refuse(f"This request was not complete within {OPENING_TIMEOUT:.0f} s.")

    def _refuse(self, message: str) -> None:
        self._stop_timer()
        if not self.transport.is_closing():
            self.send_400_response(message)


class _SecureHttp(_Http):
    """HTTP inside TLS."""

    def shutdown(self) -> None:
        """Close the connection. (uvicorn calls this when the server stops.)

        TLS closes when the client has answered the goodbye, but one with an idle connection does not look
        at it, and the server would wait for nothing.
        """
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()
        else:
            super().shutdown()


class Gateway(asyncio.Protocol):
    """A connection whose kind is not known yet, or which is on its way to become TLS or a tunnel."""

    transport: asyncio.Transport
    timeout: asyncio.TimerHandle

    def __init__(
        self,
        authority: Authority,
        upstream: UpstreamProxy | None,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.authority = authority
        self.upstream = upstream
        self.config = config
        self.server_state = server_state
        self.app_state = app_state
        self.connections: set[Any] = server_state.connections
        self.loop = _loop or asyncio.get_running_loop()
        self.respond: Respond | None = getattr(config.app, "respond", None)  # what ASGI is not needed for
        self.received = bytearray()
        self.task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.connections.add(self)
        self.timeout = self.loop.call_later(OPENING_TIMEOUT, self.shutdown)

    def data_received(self, data: bytes) -> None:
        self.received += data
        if self.task is not None:
            return  # the TLS handshake is done and `_terminate` about to go on: keep the request for it
        try:
            self._decide()
        except Refusal as refusal:
            self._refuse(refusal)

    def connection_lost(self, _: Exception | None) -> None:
        self._leave()
        if self.task is not None:
            self.task.cancel()

    def shutdown(self) -> None:
        """Close the connection. (uvicorn calls this when the server stops.)"""
        if self.task is not None:
            self.task.cancel()
        self.transport.close()

    def _decide(self) -> None:
        if _UNDECIDED.fullmatch(self.received):
            return
        if _ABSOLUTE.match(self.received):
            raise Refusal(501, "This server is a proxy for HTTPS (CONNECT) alone. Unset HTTP_PROXY.")
        if not self.received.startswith(b"CONNECT "):
            self._serve(self.transport)
            return
        end = self.received.find(b"\r\n\r\n")
        if end >= 0:
            self._connect(end + 4)
        elif len(self.received) > HEAD_LIMIT:
            raise Refusal(431, f"The header of this CONNECT request is longer than {HEAD_LIMIT} bytes.")

    def _connect(self, end: int) -> None:
        request = _CONNECT.match(self.received)
        if request is None or not 0 < int(request[3]) < 65536:
            raise Refusal(400, "A CONNECT request is written: CONNECT HOST:PORT HTTP/1.1")
        host, port = (request[1] or request[2]).decode().lower().rstrip("."), int(request[3])
        del self.received[:end]
        if port == _HTTPS_PORT and covers(host):
            if self.received:
                raise Refusal(400, "Wait for the answer to CONNECT before you start TLS.")
            self._start(self._terminate(host))
        else:
            self._admit()
            self._start(self._tunnel(host, port))

    def _admit(self) -> None:
        """Tunnels are for this machine's own clients: a server that listens for others is not an open proxy.

        Raises:
            Refusal: the client is on another machine.
        """
        address = ipaddress.ip_address(self.transport.get_extra_info("peername")[0])
        if not (getattr(address, "ipv4_mapped", None) or address).is_loopback:
            raise Refusal(
                403,
                f"Tunnels are for the server's own machine, not for {address}. Name the host in NO_PROXY.",
            )

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self.transport.pause_reading()
        self.task = self.loop.create_task(work)
        self.server_state.tasks.add(self.task)
        self.task.add_done_callback(self._finish)

    def _finish(self, task: asyncio.Task[None]) -> None:
        self.server_state.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("A connection to the gateway failed", exc_info=error)
            self._leave()
            self.transport.abort()

    async def _terminate(self, host: str) -> None:
        """End TLS as `host` and give what is inside to the application."""
        context = self.authority.context_for(host)
        self.transport.write(ESTABLISHED)
        try:
            transport = await self.loop.start_tls(
                self.transport, self, context, server_side=True, ssl_handshake_timeout=OPENING_TIMEOUT
            )
        except ssl.SSLError as error:
            _log.warning(
                "A client ended the TLS handshake for %s (%s). If it does not trust this server: %s",
                host,
                error.reason or error,
                'eval "$(ironworks env)"',
            )
        except OSError as error:
            _log.info("A client ended the TLS handshake for %s: %s", host, error)
        else:
            if transport is not None:
                self._serve(transport)
            return
        self._leave()
        self.transport.abort()

    async def _tunnel(self, host: str, port: int) -> None:
        """Connect to the destination and hand both connections to a tunnel."""
        try:
            destination = await dial(host, port, self.upstream)
            self._check_destination(destination.transport)
        except (Unreachable, Refusal) as error:
            self._refuse(error)
            return
        self._leave()
        self.transport.write(ESTABLISHED)
        join(self.transport, bytes(self.received), destination, self.connections)

    def _check_destination(self, far: asyncio.Transport) -> None:
        """A connection to an address of this machine has that address at both ends.

        Raises:
            Refusal: the destination is this server.
        """
        if far.is_closing():
            return  # it has said all that it will, and its addresses are gone
        address, port = far.get_extra_info("peername")[:2]
        if (address, port) == (
            far.get_extra_info("sockname")[0],
            self.transport.get_extra_info("sockname")[1],
        ):
            far.abort()
            raise Refusal(403, f"{address}:{port} is this server. Use http:// for it, without a proxy.")

    def _serve(self, transport: asyncio.Transport) -> None:
        self._leave()
        received = bytes(self.received)
        if transport is not self.transport:
            self._hand_over(transport, self._http(_SecureHttp), received)
        elif self.respond is not None and received.startswith(PREFIX):
            short = Invocations(self.respond, self._serve_general, self.server_state, self.loop)
            self._hand_over(transport, short, received)
        else:
            self._serve_general(transport, received)

    def _serve_general(self, transport: asyncio.Transport, received: bytes) -> None:
        self._hand_over(transport, self._http(_Http), received)

    def _http(self, kind: type[_Http]) -> _Http:
        return kind(self.config, self.server_state, self.app_state, _loop=self.loop)

    def _hand_over(self, transport: asyncio.Transport, protocol: asyncio.Protocol, received: bytes) -> None:
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if received:
            protocol.data_received(received)

    def _refuse(self, refusal: Refusal | Unreachable) -> None:
        body = f"{refusal}\n".encode()
        head = (
            f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}\r\n"
            "content-type: text/plain; charset=utf-8\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _leave(self) -> None:
        """This connection is no longer the gateway's."""
        self.timeout.cancel()
        self.connections.discard(self)
