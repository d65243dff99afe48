"""The pool through which the server reaches endpoint instances: HTTP/1.1 over Unix sockets, kept open.

InstanceError
├── NoInstance          none is live, and none came while it was waited for
├── InstanceLost        the connection broke: twice, or when a part of the answer was there
└── InstanceTimeout     the answer did not come in time
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import cast

import httptools

PATIENCE_SECONDS = 10.0
"""What the replacement of an instance that died takes, several times over."""
_IDLE_LIMIT = 32
"""Connections kept for later, an instance; a burst opens more and closes them again."""
_CROWDED_SECONDS = 0.001
_NOT_FORWARDED = frozenset(
    {"connection", "content-length", "expect", "host", "keep-alive", "transfer-encoding", "upgrade"}
)
"""Headers that speak of the caller's own connection, or that every request gets anew."""


class InstanceError(Exception):
    """A request has no answer from an instance."""


class NoInstance(InstanceError):
    """No instance is live, and none came."""


class InstanceLost(InstanceError):
    """Instances ended, or broke the connection, before an answer was whole."""


class InstanceTimeout(InstanceError):
    """The instance did not answer in time; it may still be at work."""


@dataclass(frozen=True)
class InstanceAnswer:
    """What an instance answered; the names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class InstancePool:
    """Sends requests to the instances of each endpoint variant, to the least busy one first.

    `set_instances` may be called from any thread, everything else from one event loop (`ping` from any).

    Attributes:
        patience: seconds that a request waits for an instance where none is live: one that died is being replaced.
    """

    def __init__(self, patience: float = PATIENCE_SECONDS) -> None:
        self.patience = patience
        self._instances: dict[str, tuple[_Instance, ...]] = {}
        self._setting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._change: asyncio.Future[None] | None = None
        self._turn = count()

    def set_instances(self, key: str, sockets: Iterable[Path]) -> None:
        """From now on requests for `key` go to these sockets, and to no other.

        A socket that stays keeps its connections. One that goes keeps those that wait for an answer, until it comes.
        """
        with self._setting:
            known = {instance.path: instance for instance in self._instances.get(key, ())}
            chosen = tuple(
                known.pop(path) if path in known else _Instance(path) for path in dict.fromkeys(sockets)
            )
            if chosen:
                self._instances[key] = chosen
            else:
                self._instances.pop(key, None)
        for instance in known.values():
            instance.retired = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._note_change, list(known.values()))

    async def invoke(
        self, key: str, *, body: bytes, headers: Mapping[str, str], timeout: float = 60.0
    ) -> InstanceAnswer:
        """`POST /invocations` to an instance of `key`.

        When a connection breaks before any byte of the answer came, the request is sent again: to another instance, or
        where there is none, through a new connection, and to the one that comes in place of a dead one. When it
        breaks that one's connection too it may be at fault itself, and gets no third. Instances that cannot be
        reached at all do not count.

        Raises:
            NoInstance: none is live, and none came within `patience` seconds.
            InstanceLost: the connection broke, and a further attempt failed too or was not possible.
            InstanceTimeout: there is no whole answer after `timeout` seconds.
            ValueError: a header has a line break in it.
        """
        self._loop = loop = asyncio.get_running_loop()
        request = _request("POST", "/invocations", headers, body)
        deadline = loop.time() + timeout
        lost: list[_Instance] = []
        while True:
            instance = self._choose(key, lost) or await self._await_one(key, lost, deadline)
            try:
                return await instance.ask(request, deadline, reuse=not lost)
            except _Unanswered as error:
                if instance.gone:
                    continue
                if any(other is not instance for other in lost):
                    raise InstanceLost(str(error)) from error
                lost.append(instance)

    async def ping(self, socket: Path, timeout: float = 2.0) -> bool:
        """Whether the instance at `socket` answers `GET /ping` with 200."""
        deadline = asyncio.get_running_loop().time() + timeout
        instance = _Instance(socket)
        try:
            answer = await instance.ask(_request("GET", "/ping", {}, b""), deadline, reuse=False)
        except InstanceError:
            return False
        finally:
            instance.close_idle()
        return answer.status == 200

    async def close(self) -> None:
        """Close the idle connections and forget every instance."""
        for key in list(self._instances):
            for instance in self._instances.pop(key, ()):
                instance.retired = True
                instance.close_idle()

    def _choose(self, key: str, lost: Sequence[_Instance] = ()) -> _Instance | None:
        """The least busy instance, if there is one; one that was `lost` once only if there is no other."""
        instances = self._instances.get(key, ())
        if len(instances) == 1 and not lost and not instances[0].gone:
            return instances[0]
        usable = [instance for instance in instances if not instance.gone and lost.count(instance) < 2]
        if not usable:
            return None
        start = next(self._turn) % len(usable)
        turned = usable[start:] + usable[:start]  # so that equals take turns
        return min(turned, key=lambda instance: (instance in lost, instance.outstanding))

    async def _await_one(self, key: str, lost: Sequence[_Instance], deadline: float) -> _Instance:
        """The next instance of `key` that comes.

        Raises:
            NoInstance: none comes within `patience` seconds.
            InstanceLost: so, and the request has been sent to one that is `lost`.
        """
        loop = asyncio.get_running_loop()
        end = min(loop.time() + self.patience, deadline)
        while (remaining := end - loop.time()) > 0:
            if self._change is None:
                self._change = loop.create_future()
            await asyncio.wait([self._change], timeout=remaining)
            instance = self._choose(key, lost)
            if instance is not None:
                return instance
        if lost:
            raise InstanceLost(
                f"The instance at {lost[-1].path} broke the connection, and there is no other."
            )
        raise NoInstance(f"No instance of {key} is live.")

    def _note_change(self, retired: Sequence[_Instance]) -> None:
        for instance in retired:
            instance.close_idle()
        if self._change is not None:
            self._change.set_result(None)
            self._change = None


class _Unanswered(InstanceLost):
    """There was no connection, or it broke before any byte of the answer: the request may be sent again."""


class _Instance:
    """One instance's socket and connections.

    Attributes:
        outstanding: requests that wait for their answer.
        gone: nobody listened at the last attempt to connect. A process binds its socket once: it is not asked again.
        retired: it is in no list any more; a connection is closed after its answer.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.outstanding = 0
        self.gone = False
        self.retired = False
        self.idle: list[_Connection] = []

    async def ask(self, request: tuple[bytes, bytes], deadline: float, *, reuse: bool) -> InstanceAnswer:
        """Send `request` (head and body) and wait for the answer; without `reuse` through a new connection."""
        self.outstanding += 1
        try:
            connection = self.idle.pop() if reuse and self.idle else await self._connect(deadline)
            return await connection.ask(request, deadline)
        finally:
            self.outstanding -= 1

    def keep(self, connection: _Connection) -> None:
        """Called by a connection whose answer is complete."""
        if self.retired or len(self.idle) >= _IDLE_LIMIT:
            connection.abort()
        else:
            self.idle.append(connection)

    def drop(self, connection: _Connection) -> None:
        """Called by a connection that ends."""
        if connection in self.idle:
            self.idle.remove(connection)

    def close_idle(self) -> None:
        """Close the connections that wait for nothing."""
        while self.idle:
            self.idle.pop().abort()

    async def _connect(self, deadline: float) -> _Connection:
        loop = asyncio.get_running_loop()
        while True:
            try:
                _, connection = await loop.create_unix_connection(lambda: _Connection(self), str(self.path))
                return connection
            except BlockingIOError:  # more connections wait to be accepted than the system lets
                if loop.time() > deadline:
                    raise InstanceTimeout(f"The instance at {self.path} accepts no connection.") from None
                await asyncio.sleep(_CROWDED_SECONDS)
            except OSError as error:
                self.gone = isinstance(error, ConnectionRefusedError | FileNotFoundError)
                raise _Unanswered(f"The instance at {self.path} cannot be reached: {error}") from error


class _Connection(asyncio.Protocol):
    """One connection; it carries one request at a time."""

    def __init__(self, instance: _Instance) -> None:
        self._instance = instance
        self._transport: asyncio.Transport = None  # type: ignore[assignment]  # set before any other call
        self._answer: asyncio.Future[InstanceAnswer] | None = None
        self._begin()

    async def ask(self, request: tuple[bytes, bytes], deadline: float) -> InstanceAnswer:
        """Send `request` and wait until `deadline` (the loop's time) for the whole answer.

        When the answer is there the connection may serve the next request before this function goes on.
        """
        loop = asyncio.get_running_loop()
        self._begin()
        answer: asyncio.Future[InstanceAnswer] = loop.create_future()
        self._answer = answer
        timer = loop.call_at(deadline, self._expire, answer)
        if self._transport.is_closing():
            self._fail(None)
        else:
            self._transport.writelines(request)
        try:
            return await answer
        finally:
            timer.cancel()
            if answer.cancelled():
                self.abort()

    def abort(self) -> None:
        """Close at once, whatever has not been sent yet."""
        self._instance.drop(self)
        self._transport.abort()

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._instance.drop(self)
        self._fail(error)

    def data_received(self, data: bytes) -> None:
        if self._answer is None:  # an answer to nothing
            self.abort()
            return
        self._begun = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(error)
            self.abort()

    # the parser's side

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, data: bytes) -> None:
        self._chunks.append(data)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:  # an interim answer; the one that counts follows
            self._headers.clear()
            return
        answer = self._take_answer()
        if answer is None:  # one answer too many
            self.abort()
            return
        if self._parser.should_keep_alive():
            self._instance.keep(self)
        else:
            self.abort()
        answer.set_result(InstanceAnswer(status, self._headers, b"".join(self._chunks)))

    def _begin(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._chunks: list[bytes] = []
        self._begun = False

    def _take_answer(self) -> asyncio.Future[InstanceAnswer] | None:
        """What is waited for, once."""
        answer, self._answer = self._answer, None
        return None if answer is None or answer.done() else answer

    def _fail(self, error: Exception | None) -> None:
        answer = self._take_answer()
        if answer is not None:
            kind = InstanceLost if self._begun else _Unanswered
            cause = f": {error}" if error else "."
            answer.set_exception(kind(f"The instance at {self._instance.path} broke the connection{cause}"))

    def _expire(self, answer: asyncio.Future[InstanceAnswer]) -> None:
        if not answer.done():
            answer.set_exception(
                InstanceTimeout(f"The instance at {self._instance.path} did not answer in time.")
            )
            self.abort()


def _request(method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[bytes, bytes]:
    lines = [f"{method} {path} HTTP/1.1", "host: instance", f"content-length: {len(body)}"]
    for name, value in headers.items():
        if name.lower() in _NOT_FORWARDED:
            continue
        if "\r" in value or "\n" in value:
            raise ValueError(f"The header {name} has a line break in its value.")
        lines.append(f"{name}: {value}")
    return "\r\n".join([*lines, "\r\n"]).encode("latin-1"), body
