"""The load generator: one thread, one epoll set, requests whose bytes are ready.

`closed_loop`: each client sends its next request when it has the answer to its last one.
`open_loop`: requests are due at times that do not depend on the answers, and a request's time counts from when
it was due, even if no client was free to send it. So a server that stalls is charged for all the requests that
it made wait, not for one a client (what Gil Tene called coordinated omission).
"""

from __future__ import annotations

import ctypes
import select
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter_ns as now

import numpy as np
import numpy.typing as npt

from ironworks.bench.connection import Answer, Connection, Destination
from ironworks.bench.summary import Sample
from ironworks.errors import ClientError

TIMEOUT = 60.0
"""Seconds without any answer after which the requests that wait for one count as failed."""

_PR_SET_TIMERSLACK = 29
_EXAMPLE = 300
"""Characters of a failure's text."""


def closed_loop(destination: Destination, clients: int, requests: int, timeout: float = TIMEOUT) -> Sample:
    """Send `requests` requests through `clients` connections, each waiting for its answers.

    Raises:
        ClientError: nobody listens at the destination.
    """
    with _connected(destination, min(clients, requests), timeout) as (load, free):
        began = now()
        sent = 0
        while True:
            for client in free:
                if sent < requests:
                    sent += 1
                    client.began = now()
                    load.send(client)
            if not load.outstanding:
                return load.sample(now() - began)
            free = load.collect(timeout)


def open_loop(
    destination: Destination,
    clients: int,
    requests: int,
    rate: float,
    poisson: bool = False,
    timeout: float = TIMEOUT,
    seed: int = 0,
) -> Sample:
    """Send `requests` requests, `rate` a second, whether earlier ones are answered or not.

    Args:
        clients: connections, and so how many requests can be on their way at a time. One that is due while all
            are busy waits, and its time runs.
        poisson: exponentially distributed pauses, as from many independent callers, in place of equal ones.

    Raises:
        ClientError: nobody listens at the destination.
    """
    due = schedule(requests, rate, poisson, seed).tolist()
    with _connected(destination, min(clients, requests), timeout) as (load, free):
        _wake_on_time()
        began = now()
        sent = 0
        while True:
            elapsed = now() - began
            while free and sent < requests and due[sent] <= elapsed:
                client = free.pop()
                client.began = began + due[sent]
                sent += 1
                load.send(client)
            if sent == requests and not load.outstanding:
                return load.sample(now() - began)
            waits = (began + due[sent] - now()) / 1e9 if free and sent < requests else timeout
            free += load.collect(max(waits, 0.0))


def schedule(requests: int, rate: float, poisson: bool, seed: int = 0) -> npt.NDArray[np.int64]:
    """When each request is due, in nanoseconds from the start."""
    if not poisson:
        return (np.arange(requests) * (1e9 / rate)).astype(np.int64)
    pauses = np.random.default_rng(seed).exponential(1e9 / rate, requests)
    return np.cumsum(pauses).astype(np.int64)


class _Load:
    """The connections of a run, and what came of their requests."""

    def __init__(self, destination: Destination, clients: int, timeout: float) -> None:
        self.outstanding = 0
        self._timeout = timeout
        self._connections = [Connection(destination, timeout) for _ in range(clients)]
        self._by_descriptor: dict[int, Connection] = {}
        self._failed: list[Connection] = []
        self._times: list[int] = []
        self._errors: Counter[str] = Counter()
        self._example = ""
        self._epoll = select.epoll()

    def connect(self) -> list[Connection]:
        """Open the last connection, to see whether somebody listens; each other one is opened by its first request.

        A server may give a thread to a connection that it has accepted, so one that is never used could hold up
        the others. Raises OSError if nobody listens.
        """
        self._open(self._connections[-1])
        return list(self._connections)

    def close(self) -> None:
        """End every connection."""
        for connection in self._connections:
            connection.close()
        self._epoll.close()

    def send(self, connection: Connection) -> None:
        """Send a request. Should that fail, the connection is one of those that `collect` answers next."""
        self.outstanding += 1
        try:
            if connection.closed:
                self._open(connection)
            if not connection.send():
                self._epoll.modify(connection.fileno(), select.EPOLLIN | select.EPOLLOUT)
        except OSError as error:
            self._fail(connection, "broken connection", str(error))

    def collect(self, seconds: float) -> list[Connection]:
        """Wait for answers, `seconds` at most; the connections that are free again."""
        free: list[Connection] = []
        events = self._wait(0.0 if self._failed else seconds)
        if not events and seconds >= self._timeout and not self._failed:
            for connection in self._connections:
                if connection.waiting:
                    self._fail(connection, f"no answer within {self._timeout:g} s", "")
        for descriptor, event in events:
            connection = self._by_descriptor[descriptor]
            if not connection.waiting:  # the server ends what is idle; the next request makes it anew
                connection.close()
                continue
            try:
                if event & select.EPOLLOUT and connection.send_rest():
                    self._epoll.modify(descriptor, select.EPOLLIN)
                if event & ~select.EPOLLOUT and self._receive(connection):
                    free.append(connection)
            except OSError as error:
                self._fail(connection, "broken connection", str(error))
        free += self._failed
        self._failed = []
        return free

    def sample(self, nanoseconds: int) -> Sample:
        """What was seen; the run took `nanoseconds`."""
        times = np.array(self._times, np.int64)
        return Sample(times, nanoseconds / 1e9, dict(self._errors), self._example)

    def _open(self, connection: Connection) -> None:
        connection.open()
        self._by_descriptor[connection.fileno()] = connection
        self._epoll.register(connection.fileno(), select.EPOLLIN)

    def _wait(self, seconds: float) -> list[tuple[int, int]]:
        if seconds < 1:  # poll's timeout is in milliseconds, select's in microseconds
            select.select([self._epoll], [], [], seconds)
            seconds = 0
        return self._epoll.poll(seconds)

    def _receive(self, connection: Connection) -> bool:
        """Whether the answer is whole; it has been counted then."""
        answer = connection.receive()
        if answer is None:
            return False
        self.outstanding -= 1
        if answer.status == 200 and answer.body:
            self._times.append(now() - connection.began)
        else:
            self._count_error(*_complaint(answer))
        return True

    def _fail(self, connection: Connection, kind: str, text: str) -> None:
        connection.close()
        self.outstanding -= 1
        self._failed.append(connection)
        self._count_error(kind, text)

    def _count_error(self, kind: str, text: str) -> None:
        self._errors[kind] += 1
        self._example = self._example or text


def _complaint(answer: Answer) -> tuple[str, str]:
    text = answer.body[:_EXAMPLE].decode(errors="replace").strip()
    return ("empty answer", "") if answer.status == 200 else (f"status {answer.status}", text)


@contextmanager
def _connected(
    destination: Destination, clients: int, timeout: float
) -> Iterator[tuple[_Load, list[Connection]]]:
    load = _Load(destination, clients, timeout)
    try:
        free = load.connect()
    except OSError as error:
        load.close()
        raise ClientError(f"Nobody answers at {destination}: {error.strerror or error}.") from None
    try:
        yield load, free
    finally:
        load.close()


def _wake_on_time() -> None:
    """Have the kernel wake this thread when it asked for, not up to 50 µs later (prctl(2), PR_SET_TIMERSLACK)."""
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
