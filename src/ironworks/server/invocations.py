"""The short way of InvokeEndpoint: HTTP/1.1 for requests that are plain, without ASGI in between.

A request is plain when its head is one line of `POST /endpoints/…` and well-formed headers with one `Content-Length` of
moderate size. With the first request that is not, the connection becomes general HTTP, and stays it: what is
odd, large, chunked or wants `100 Continue` is read and judged there alone.

The application is asked for the answer as it is for every other request: signature and all.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, cast

from uvicorn.server import ServerState

from ironworks.server.http import Request, Response, Whole, new_request_id

PREFIX = b"POST /endpoints/"
LARGEST_HEAD = 16 * 1024
LARGEST_BODY = 1024 * 1024
IDLE_SECONDS = 75.0
"""How long a connection is kept for the next request."""
UNFINISHED_SECONDS = 30.0
"""How long a client may take to send a request that it has begun."""

Respond = Callable[[Request], Awaitable[Response]]
Otherwise = Callable[[asyncio.Transport, bytes], None]

_HEAD = re.compile(
    rb"POST (/endpoints/[!-~]+) HTTP/1\.1\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*\r\n)+)\r\n"
)
_LENGTH = re.compile(r"[0-9]{1,7}")
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}" for status in HTTPStatus}
_GENERAL = frozenset({"connection", "expect", "transfer-encoding", "upgrade"})
"""Headers by which a client asks for more than an answer."""


class Invocations(asyncio.Protocol):
    """One connection. `otherwise` is given the transport, and what has been received, when a request is not plain."""

    _transport: asyncio.Transport
    _timer: asyncio.TimerHandle

    def __init__(
        self, respond: Respond, otherwise: Otherwise, state: ServerState, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._respond = respond
        self._otherwise = otherwise
        self._state = state
        self._connections: set[Any] = state.connections
        self._loop = loop
        self._received = bytearray()
        self._answering: asyncio.Task[None] | None = None
        self._closing = False
        self._since = loop.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._connections.add(self)
        self._timer = self._loop.call_later(min(IDLE_SECONDS, UNFINISHED_SECONDS), self._look)

    def data_received(self, data: bytes) -> None:
        if not self._received:
            self._since = self._loop.time()
        self._received += data
        if self._answering is None:
            self._next()
        elif len(self._received) > LARGEST_HEAD + LARGEST_BODY:
            self._transport.pause_reading()

    def connection_lost(self, _: Exception | None) -> None:
        self._leave()
        if self._answering is not None:
            self._answering.cancel()

    def shutdown(self) -> None:
        """Close the connection, after the answer that is under way. (uvicorn calls this when the server stops.)"""
        self._closing = True
        if self._answering is None:
            self._transport.close()

    def _next(self) -> None:
        """Begin to answer the request that has been received; or wait for the rest of it, or for the next."""
        try:
            request = self._take()
        except _NotPlain:
            self._leave()
            self._otherwise(self._transport, bytes(self._received))
            return
        if request is not None:
            self._start(request)

    def _look(self) -> None:
        """Close a connection on which nothing goes on. To look now and then costs less than a timer a request."""
        patience = UNFINISHED_SECONDS if self._received else IDLE_SECONDS
        left = self._since + patience - self._loop.time()
        if left <= 0 and self._answering is None:
            self._transport.abort()
        else:
            self._timer = self._loop.call_later(max(left, 1.0), self._look)

    def _take(self) -> Request | None:
        """The first request received, if it is whole.

        Raises:
            _NotPlain: it is none for us.
        """
        end = self._received.find(b"\r\n\r\n") + 4
        if end < 4:
            _require(len(self._received) <= LARGEST_HEAD and _may_begin(self._received))
            return None
        head = _HEAD.fullmatch(self._received, 0, end) if end <= LARGEST_HEAD else None
        if head is None:
            raise _NotPlain
        headers = _headers(head[2])
        whole = end + _length(headers)
        if len(self._received) < whole:
            return None
        path, _, query = head[1].decode("ascii").partition("?")
        body = bytes(memoryview(self._received)[end:whole])
        del self._received[:whole]
        return Request("POST", path, query, headers, Whole(body), new_request_id())

    def _start(self, request: Request) -> None:
        self._answering = self._loop.create_task(self._answer(request))
        self._state.tasks.add(self._answering)
        self._answering.add_done_callback(self._state.tasks.discard)

    async def _answer(self, request: Request) -> None:
        response = await self._respond(request)
        self._answering = None
        if self._transport.is_closing():
            return
        self._transport.write(self._written(response))
        self._since = self._loop.time()
        if self._closing:
            self._transport.close()
        else:
            self._transport.resume_reading()
            self._next()

    def _written(self, response: Response) -> bytes:
        body = cast(bytes, response.body)
        lines = [_STATUS_LINES[response.status]]
        lines += [f"{name}: {value}" for name, value in response.headers.items()]
        lines += [f"{name.decode()}: {value.decode()}" for name, value in self._state.default_headers]
        if self._closing:
            lines.append("connection: close")
        return "\r\n".join([*lines, f"content-length: {len(body)}", "\r\n"]).encode("latin-1") + body

    def _leave(self) -> None:
        """This connection is no longer ours."""
        self._timer.cancel()
        self._connections.discard(self)


class _NotPlain(Exception):
    """A request that is left to general HTTP."""


def _require(plain: bool) -> None:
    if not plain:
        raise _NotPlain


def _may_begin(received: bytearray) -> bool:
    """Whether this is, or may become, the beginning of an InvokeEndpoint."""
    return received.startswith(PREFIX) or PREFIX.startswith(received)


def _headers(lines: bytes) -> dict[str, str]:
    """The headers of a plain head, names in lower case. None comes twice."""
    headers: dict[str, str] = {}
    for line in lines.decode("latin-1").split("\r\n")[:-1]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip(" \t")
    _require(len(headers) == lines.count(b"\r\n"))
    return headers


def _length(headers: dict[str, str]) -> int:
    """The size of a plain request's body."""
    length = headers.get("content-length", "")
    _require(_LENGTH.fullmatch(length) is not None and _GENERAL.isdisjoint(headers))
    _require(int(length) <= LARGEST_BODY)
    return int(length)
