"""A tunnel: two TCP connections, each of which sends what the other receives."""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from socket import SO_KEEPALIVE, SOL_SOCKET
from typing import Any, cast
from urllib.parse import unquote, urlsplit

CONNECT_TIMEOUT = 10.0
"""Seconds for a destination to accept a connection."""

_HEAD_LIMIT = 16 * 1024
_SUCCESS = re.compile(rb"HTTP/1\.[01] 2\d\d[ \r]")


class Unreachable(Exception):
    """A destination did not accept the connection. `status` is HTTP's: 502, or 504 for a timeout."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class UpstreamProxy:
    """The HTTP proxy that this machine needs to reach other hosts."""

    host: str
    port: int
    tls: bool
    authorization: str | None
    excluded: str

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> UpstreamProxy | None:
        """Read `https_proxy` and `no_proxy`, of which lower case wins, as curl and Python have it.

        Raises:
            ValueError: the proxy is none that understands CONNECT.
        """
        url = environ.get("https_proxy") or environ.get("HTTPS_PROXY")
        if not url:
            return None
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(
                f"HTTPS_PROXY={url} is not an http:// or https:// proxy, the kinds that can be used here."
            )
        credentials = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}".encode()
        return cls(
            host=parts.hostname,
            port=parts.port or (443 if parts.scheme == "https" else 80),
            tls=parts.scheme == "https",
            authorization=base64.b64encode(credentials).decode() if parts.username else None,
            excluded=environ.get("no_proxy") or environ.get("NO_PROXY") or "",
        )

    def serves(self, host: str) -> bool:
        """Whether `no_proxy` leaves `host` to this proxy."""
        return not urllib.request.proxy_bypass_environment(host, {"no": self.excluded})  # type: ignore[attr-defined]

    def request(self, host: str, port: int) -> bytes:
        """The CONNECT request for a destination."""
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
        if self.authorization:
            lines.append(f"Proxy-Authorization: Basic {self.authorization}")
        return "\r\n".join([*lines, "", ""]).encode()


async def dial(host: str, port: int, proxy: UpstreamProxy | None) -> Destination:
    """Connect to a destination.

    Raises:
        Unreachable: it, or the proxy on the way to it, does not accept the connection in time.
    """
    if proxy is not None and not proxy.serves(host):
        proxy = None
    name = f"{host}:{port}" if proxy is None else f"{host}:{port} through the proxy {proxy.host}:{proxy.port}"
    try:
        return await asyncio.wait_for(_connect(host, port, proxy), CONNECT_TIMEOUT)
    except asyncio.TimeoutError as error:
        raise Unreachable(504, f"{name} did not answer within {CONNECT_TIMEOUT:.0f} s.") from error
    except (OSError, UnicodeError) as error:
        raise Unreachable(502, f"{name} cannot be reached: {error}.") from error


async def _connect(host: str, port: int, proxy: UpstreamProxy | None) -> Destination:
    loop = asyncio.get_running_loop()
    request = b"" if proxy is None else proxy.request(host, port)
    address = (host, port) if proxy is None else (proxy.host, proxy.port)
    context = ssl.create_default_context() if proxy is not None and proxy.tls else None
    _, destination = await loop.create_connection(lambda: Destination(request), *address, ssl=context)
    try:
        await destination.accepted
    except BaseException:
        destination.transport.abort()
        raise
    return destination


class Destination(asyncio.Protocol):
    """The far end of a tunnel that is being made: asks a proxy for its consent, if there is one on the way.

    Attributes:
        received: what the destination sent before it became a relay's.
    """

    transport: asyncio.Transport

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.received = bytearray()
        self.accepted: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        if self.request:
            self.transport.write(self.request)
        else:
            self.accepted.set_result(None)

    def data_received(self, data: bytes) -> None:
        self.received += data
        if self.accepted.done():
            return
        head, end, rest = self.received.partition(b"\r\n\r\n")
        if end:
            self._judge(bytes(head), rest)
        elif len(self.received) > _HEAD_LIMIT:
            self.accepted.set_exception(OSError("it answers CONNECT with an endless header"))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.accepted.done():
            self.accepted.set_exception(exc or OSError("it closed the connection"))

    def _judge(self, head: bytes, rest: bytearray) -> None:
        self.received = rest
        if _SUCCESS.match(head):
            self.accepted.set_result(None)
        else:
            line = head.split(b"\r\n", 1)[0].decode("latin-1")
            self.accepted.set_exception(OSError(f"it refuses CONNECT with {line!r}"))


class Relay(asyncio.Protocol):
    """One side of a tunnel.

    Attributes:
        peer: the other side.
        ended: this side's sender has finished; the other direction may go on (half-close).
    """

    peer: Relay

    def __init__(self, transport: asyncio.Transport, connections: set[Any]) -> None:
        self.transport = transport
        self.connections = connections
        self.ended = False
        connections.add(self)
        # A peer that vanished without a word (a laptop that sleeps) must not hold a tunnel for ever.
        transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1)

    def data_received(self, data: bytes) -> None:
        # A closed transport of uvloop raises; this side is closed next, when the other's end is announced.
        if not self.peer.transport.is_closing():
            self.peer.transport.write(data)

    def pause_writing(self) -> None:
        self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        self.peer.transport.resume_reading()

    def eof_received(self) -> bool:
        self.ended = True
        if self.peer.ended or self.peer.transport.is_closing() or not self.peer.transport.can_write_eof():
            self.shutdown()
            return False
        self.peer.transport.write_eof()
        return True

    def connection_lost(self, _: Exception | None) -> None:
        self.connections.discard(self)
        self.peer.transport.close()

    def shutdown(self) -> None:
        """Close both sides when what was received is sent. (uvicorn calls this when the server stops.)"""
        self.transport.close()
        self.peer.transport.close()


def join(near: asyncio.Transport, early: bytes, destination: Destination, connections: set[Any]) -> None:
    """Make two connections a tunnel, which is a member of `connections` until it is closed.

    `early` is what came from the near side already.
    """
    far = destination.transport
    near.write(bytes(destination.received))
    if far.is_closing():
        near.close()
        return
    far.write(early)
    one, other = Relay(near, connections), Relay(far, connections)
    one.peer, other.peer = other, one
    near.set_protocol(one)
    far.set_protocol(other)
    near.resume_reading()
