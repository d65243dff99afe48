"""Servers that answer with bytes that a test has chosen."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ironworks.bench.connection import Destination, post

REQUEST = post("/invocations", "here", {"Content-Type": "text/plain"}, b"hello")


def ok(body: bytes = b"[1]", head: str = "") -> bytes:
    """A whole answer."""
    return f"HTTP/1.1 200 OK\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@contextmanager
def answering(
    answer: Callable[[int], bytes | None], request: bytes = REQUEST
) -> Iterator[tuple[Destination, list[int]]]:
    """A server that gives `answer(n)` to the n-th request, None being the end of the connection.

    An answer with `Connection: close`, or that is not whole, ends the connection, too. The second of the two
    is the connections' numbers, one for each request.
    """
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    seen: list[int] = []
    lock = threading.Lock()

    def serve(connection: socket.socket, number: int) -> None:
        with connection:
            while read(connection, len(request)):
                with lock:
                    seen.append(number)
                    reply = answer(len(seen) - 1)
                if reply is None:
                    return
                connection.sendall(reply)
                if b"close" in reply or b"Content-Length" not in reply:
                    return

    def accept() -> None:
        number = 0
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=serve, args=(connection, number)))
            threads[-1].start()
            number += 1

    threads: list[threading.Thread] = []
    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield Destination(("127.0.0.1", listener.getsockname()[1]), request), seen
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()
        for thread in threads:
            thread.join()


def read(connection: socket.socket, size: int) -> bool:
    """Whether a whole request came."""
    while size:
        try:
            data = connection.recv(min(size, 1 << 16))
        except ConnectionResetError:
            return False
        if not data:
            return False
        size -= len(data)
    return True
