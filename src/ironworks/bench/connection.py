"""One client's connection: a request whose bytes are ready, and the answers to it (HTTP/1.1, RFC 9112)."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

_CHUNK = 1 << 16
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection:[ \t]*close", re.IGNORECASE)
_KEEP_ALIVE = re.compile(rb"\r\nconnection:[ \t]*keep-alive", re.IGNORECASE)


@dataclass(frozen=True)
class Destination:
    """Where requests go, and what is sent.

    Attributes:
        address: the path of a Unix socket, or host and port.
        request: a whole request, head and body.
    """

    address: str | tuple[str, int]
    request: bytes

    def __str__(self) -> str:
        return self.address if isinstance(self.address, str) else f"{self.address[0]}:{self.address[1]}"


def post(path: str, host: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """A POST request in bytes; `Host` and `Content-Length` are added."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


class Answer(NamedTuple):
    """A whole answer; `closes` says that the server ends the connection after it."""

    status: int
    body: bytes
    closes: bool


class BrokenConnection(OSError):
    """The server ended a connection within an answer, or sent something else than HTTP."""


class Connection:
    """A client's connection. `send` makes it, and makes it anew when it has been closed.

    Attributes:
        began: when the request was (or should have been) sent, in nanoseconds of the caller's clock.
        waiting: a request is on its way, and its answer has not come in.
    """

    def __init__(self, destination: Destination, timeout: float) -> None:
        self.began = 0
        self.waiting = False
        self._destination = destination
        self._timeout = timeout
        self._buffer = b""
        self._unsent = memoryview(b"")
        self._socket: socket.socket | None = None

    @property
    def closed(self) -> bool:
        """Whether there is no connection (any more)."""
        return self._socket is None

    def fileno(self) -> int:
        """The socket's descriptor; another one after each `open`."""
        return self._open_socket.fileno()

    def open(self) -> None:
        """Connect.

        Raises:
            OSError: nobody listens, or not within `timeout` seconds.
        """
        self._buffer, self._unsent = b"", memoryview(b"")
        self._socket = _connect(self._destination.address, self._timeout)

    def send(self) -> bool:
        """Send the request, or as much of it as fits; whether all of it is sent.

        Raises:
            OSError: the connection is broken.
        """
        self.waiting = True
        request = self._destination.request
        sent = self._open_socket.send(request)
        if sent == len(request):
            return True
        self._unsent = memoryview(request)[sent:]
        return False

    def send_rest(self) -> bool:
        """Go on with `send` when the socket takes bytes again; whether all of it is sent."""
        self._unsent = self._unsent[self._open_socket.send(self._unsent) :]
        return not self._unsent

    def receive(self) -> Answer | None:
        """Read what has come in; the answer if it is whole.

        Raises:
            BrokenConnection: the server ended the connection too early, or this is not HTTP.
            OSError: the connection is broken.
        """
        data = self._open_socket.recv(_CHUNK)
        self._buffer = self._buffer + data if self._buffer else data
        answer = parse(self._buffer, ended=not data)
        if answer is None:
            if not data:
                raise BrokenConnection("The server ended the connection before its answer was whole.")
            return None
        self._buffer = b""
        self.waiting = False
        if answer.closes:
            self.close()
        return answer

    def close(self) -> None:
        """End the connection, if there is one."""
        self.waiting = False
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    @property
    def _open_socket(self) -> socket.socket:
        if self._socket is None:
            raise BrokenConnection("There is no connection.")
        return self._socket


def ask(destination: Destination, timeout: float) -> Answer:
    """Send one request and wait for its answer.

    Raises:
        OSError: nobody listens, the connection broke, or nothing came for `timeout` seconds.
    """
    with _connect(destination.address, timeout) as connection:
        connection.settimeout(timeout)
        connection.sendall(destination.request)
        received = b""
        while True:
            data = connection.recv(_CHUNK)
            received += data
            answer = parse(received, ended=not data)
            if answer is not None:
                return answer
            if not data:
                raise BrokenConnection("The server ended the connection before its answer was whole.")


def parse(data: bytes, ended: bool = False) -> Answer | None:
    """The answer at the beginning of `data`, if it is whole. `ended`: no more bytes will come.

    Raises:
        BrokenConnection: it is no HTTP answer.
    """
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = _head(data[:end])
    start = end + 4
    if head.length is not None:
        whole = start + head.length
        return Answer(head.status, data[start:whole], head.closes) if len(data) >= whole else None
    body = _unchunk(data, start) if head.chunked else data[start:] if ended else None
    return None if body is None else Answer(head.status, body, head.closes or not head.chunked)


@dataclass(frozen=True)
class _Head:
    status: int
    length: int | None
    chunked: bool
    closes: bool


@lru_cache(maxsize=64)
def _head(head: bytes) -> _Head:
    """Cached, because the heads of one endpoint's answers are all the same for a second at least."""
    version, _, rest = head.partition(b" ")
    status = rest[:3]
    if not version.startswith(b"HTTP/1.") or not status.isdigit():
        raise BrokenConnection(f"This is no HTTP answer: {head[:60]!r}.")
    length = _LENGTH.search(head)
    kept = not _CLOSE.search(head) if version == b"HTTP/1.1" else bool(_KEEP_ALIVE.search(head))
    return _Head(int(status), int(length[1]) if length else None, bool(_CHUNKED.search(head)), not kept)


def _unchunk(data: bytes, start: int) -> bytes | None:
    """The body that was sent in chunks (RFC 9112, 7.1), if the last one is there; trailers are not expected."""
    parts: list[bytes] = []
    while True:
        end = data.find(b"\r\n", start)
        if end < 0:
            return None
        try:
            size = int(data[start:end].partition(b";")[0], 16)
        except ValueError:
            raise BrokenConnection("The chunks of an answer are broken.") from None
        start = end + 2 + size + 2
        if len(data) < start:
            return None
        if size == 0:
            return b"".join(parts)
        parts.append(data[end + 2 : start - 2])


def _connect(address: str | tuple[str, int], timeout: float) -> socket.socket:
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        connection.connect(address)
        if family == socket.AF_INET:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
    except OSError:
        connection.close()
        raise
    return connection
