"""HTTP/1.1 as an endpoint instance speaks it: two paths, whole bodies, keep-alive."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast

import httptools

from ironworks.serving.compute import Task
from ironworks.serving.invocation import JSON, Answer, Invocation

PAYLOAD_LIMIT = 6 * 1024 * 1024
"""Bytes of a payload that SageMaker's real-time endpoints take."""

_TEXT = "text/plain; charset=utf-8"
_METHODS = {"/ping": b"GET", "/invocations": b"POST"}
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
_PONG = Answer(b"", _TEXT)
_CLOSE = "connection: close\r\n"


@dataclass(frozen=True)
class Request:
    """One message, whole."""

    method: bytes
    path: str
    invocation: Invocation
    keep_alive: bool
    too_large: bool = False


class Connections:
    """The open connections of an instance, and what they share.

    Args:
        submit: gives an invocation to the compute thread, which calls back with the answer.
        payload_limit: larger bodies are answered with 413.
    """

    def __init__(
        self,
        submit: Callable[[Invocation, Callable[[Answer], None]], Task],
        payload_limit: int = PAYLOAD_LIMIT,
    ) -> None:
        self.submit = submit
        self.payload_limit = payload_limit
        self.draining = False
        self._open: set[Connection] = set()
        self._all_closed = asyncio.Event()

    def connect(self) -> Connection:
        """The protocol of a new connection."""
        return Connection(self)

    def add(self, connection: Connection) -> None:
        """Called by a connection that was made."""
        self._open.add(connection)

    def discard(self, connection: Connection) -> None:
        """Called by a connection that was lost."""
        self._open.discard(connection)
        if self.draining and not self._open:
            self._all_closed.set()

    async def drain(self, timeout: float) -> int:
        """Close what is idle, wait until every other connection has its answer.

        Returns:
            How many connections had none after `timeout` seconds.
        """
        self.draining = True
        for connection in list(self._open):
            connection.close_if_idle()
        if self._open:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._all_closed.wait(), timeout)
        return len(self._open)


class Connection(asyncio.Protocol):
    """One client's connection. Requests that arrive before the last one's answer wait their turn."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport = None  # type: ignore[assignment]  # set before any other call
        self._waiting: deque[Request] = deque()
        self._task: Task | None = None
        self._reading = False  # a message has begun
        self._refused = False  # it is too large, and the rest of it is not kept
        self._begin()

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._connections.add(self)
        if self._connections.draining:  # it was accepted just before the end; its client asks elsewhere
            transport.close()

    def connection_lost(self, _error: Exception | None) -> None:
        if self._task is not None:
            self._task.cancelled = True
        self._connections.discard(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # this server upgrades to nothing: the request is answered like any other
        except httptools.HttpParserError:
            if self._task is None and not self._transport.is_closing():
                self._write(_plain(400, "This is not an HTTP/1.1 request."), keep_alive=False)
            self._transport.close()

    # the parser's side

    def on_message_begin(self) -> None:
        self._begin()
        self._reading = True

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        if int(self._headers.get(b"content-length", b"0")) > self._connections.payload_limit:
            self._refuse()
        elif self._headers.get(b"expect", b"").lower() == b"100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        self._size += len(data)
        if self._refused:
            return
        if self._size > self._connections.payload_limit:
            self._refuse()
        else:
            self._chunks.append(data)

    def on_message_complete(self) -> None:
        self._reading = False
        if not self._refused:
            self._enqueue()
        elif not self._waiting:  # the refusal is written
            self._transport.close()

    # between the two

    def close_if_idle(self) -> None:
        """Close unless a request has begun to come in, or waits for its answer."""
        if self._task is None and not self._reading:
            self._transport.close()

    def _begin(self) -> None:
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._chunks: list[bytes] = []
        self._size = 0

    def _enqueue(self) -> None:
        self._waiting.append(self._request())
        if self._task is None:
            self._next()
        else:
            self._transport.pause_reading()  # a pipelining client has to wait with the rest

    def _request(self) -> Request:
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        content_type = self._headers.get(b"content-type", b"").decode("latin-1")
        accept = self._headers.get(b"accept", b"").decode("latin-1")
        return Request(
            method=self._parser.get_method(),
            path=self._url.partition(b"?")[0].decode("latin-1"),
            invocation=Invocation(body, content_type or JSON, accept or JSON),
            keep_alive=self._parser.should_keep_alive(),
            too_large=self._refused,
        )

    def _next(self) -> None:
        """Answer requests until one has to wait for the compute thread."""
        while self._waiting and self._task is None and not self._transport.is_closing():
            request = self._waiting.popleft()
            if request.too_large:
                self._decline()
            elif request.path == "/invocations" and request.method == b"POST":
                self._invoke(request)
            else:
                self._respond(_answer_without_model(request), request.keep_alive)

    def _invoke(self, request: Request) -> None:
        def deliver(answer: Answer) -> None:
            self._task = None
            if self._transport.is_closing():
                return
            self._respond(answer, request.keep_alive)
            self._transport.resume_reading()
            self._next()

        self._task = self._connections.submit(request.invocation, deliver)

    def _refuse(self) -> None:
        """The payload is too large, which is known before it has come in."""
        self._refused = True
        self._chunks.clear()
        self._enqueue()

    def _decline(self) -> None:
        """Answer a request that is too large, and close when the rest of it has been read and thrown away.

        Closing earlier could break the connection before the client reads the answer.
        """
        self._write(_plain(413, f"The payload has more than {self._connections.payload_limit} bytes."), False)
        if not self._reading:
            self._transport.close()

    def _respond(self, answer: Answer, keep_alive: bool) -> None:
        keep_alive = keep_alive and not self._connections.draining
        self._write(answer, keep_alive)
        if not keep_alive:
            self._transport.close()

    def _write(self, answer: Answer, keep_alive: bool) -> None:
        head = (
            f"{_STATUS_LINES[answer.status]}"
            f"content-type: {answer.content_type}\r\n"
            f"content-length: {len(answer.body)}\r\n"
            f"{'' if keep_alive else _CLOSE}\r\n"
        )
        self._transport.write(head.encode() + answer.body)


def _answer_without_model(request: Request) -> Answer:
    method = _METHODS.get(request.path)
    if method is None:
        return _plain(404, f"There is no {request.path} here: GET /ping and POST /invocations.")
    if request.method != method:
        return _plain(405, f"{request.path} takes {method.decode()}.")
    return _PONG


def _plain(status: int, message: str) -> Answer:
    return Answer(message.encode(), _TEXT, status)
