"""The life of an instance: listen, answer, drain."""

from __future__ import annotations

import logging
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ironworks.serving import loading
from ironworks.serving.batching import in_batches
from ironworks.serving.compute import Compute, one_by_one
from ironworks.serving.errors import StartupError
from ironworks.serving.listeners import listen_on_address, listen_on_path, remove_path
from ironworks.serving.settings import Settings

if TYPE_CHECKING:
    from ironworks.serving._http import Server

DRAIN_SECONDS = 60.0
"""How long an ending instance waits for answers; SageMaker gives a model as long."""
REQUEST_SECONDS = 60.0
"""In which a request must have come in whole."""

_SERVING_THREADS = 2
"""One computes; the other reads, and answers what needs no model."""

_log = logging.getLogger(__name__)


def prepare(directory: Path, settings: Settings) -> Compute:
    """Load the model and the user's module from the unpacked archive `directory`.

    Raises:
        StartupError: one of them cannot be loaded, or the model cannot be run in batches as it is asked to.
    """
    handler = loading.prepare(directory, settings.program, settings.threads)
    return one_by_one(handler) if settings.max_batch == 1 else in_batches(handler, settings.max_batch)


def serve(compute: Compute, settings: Settings, path: Path, address: str | None = None) -> bool:
    """Answer requests on the Unix socket `path`, and on `address`, until a signal ends it after those under way.

    Returns:
        Whether all were finished within `DRAIN_SECONDS`.

    Raises:
        StartupError: a socket cannot be made.
    """
    server = make_server(compute, settings)
    with stopping() as stopped, answering(server):
        if address is not None:
            _pass_to(server, listen_on_address(address), direct=True)
        _pass_to(server, listen_on_path(path), direct=False)  # the last, because it says that all is ready
        _log.info("Ready on %s.", path)
        stopped.wait()
        remove_path(path)
        return finish(server)


def make_server(compute: Compute, settings: Settings) -> Server:
    """The server that calls `compute`, without a client yet.

    Raises:
        StartupError: the extension was not built.
    """
    try:
        from ironworks.serving._http import Server
    except ImportError as error:
        raise StartupError(
            "The extension ironworks.serving._http is missing, with which endpoints answer: it is built when Ironworks "
            f"is installed on Linux with a C compiler (gcc or clang). Install one, and Ironworks again. ({error})"
        ) from error
    return Server(
        compute,
        settings.payload_limit,
        REQUEST_SECONDS,
        settings.answer_seconds,
        settings.max_batch,
        settings.max_delay,
        settings.token,
    )


@contextmanager
def answering(server: Server) -> Iterator[None]:
    """The threads that serve; a function that never returns does not hold up the end of the process."""
    threads = [
        threading.Thread(target=server.serve, name=f"serving-{number}", daemon=True)
        for number in range(_SERVING_THREADS)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        server.stop()
        for thread in threads:
            thread.join(1)


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set."""
    stopped = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stopped.set())
    yield stopped


def finish(server: Server) -> bool:
    """Take no more clients and wait for the answers that are under way. Whether all were given."""
    _log.info("Ending.")
    left = server.drain(DRAIN_SECONDS)
    if left:
        _log.error("Ended with %d connections unanswered after %.0f s.", left, DRAIN_SECONDS)
    return not left


def _pass_to(server: Server, listener: socket.socket, *, direct: bool) -> None:
    with listener:  # the server has a descriptor of its own
        server.listen(listener.fileno(), direct)
