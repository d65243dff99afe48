"""The life of an instance: load, listen, drain."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from pathlib import Path

import uvloop

from ironworks.runtime import ArtifactError, load
from ironworks.serving.compute import ComputeThread
from ironworks.serving.errors import StartupError
from ironworks.serving.hooks import make_handler
from ironworks.serving.http import PAYLOAD_LIMIT, Connections
from ironworks.serving.invocation import Handler
from ironworks.serving.module import load_module

DRAIN_SECONDS = 60.0
"""How long an ending instance waits for answers; SageMaker gives a model as long."""

_MANIFEST = "manifest.json"
_PATH_LIMIT = 106
"""Bytes of a Unix socket's path (`sockaddr_un` holds 107 and an end mark), less one for the unfinished name."""

_log = logging.getLogger(__name__)


def prepare(directory: Path, program: str | None) -> Handler:
    """Load the compiled model and the user's module from the unpacked archive `directory`.

    Raises:
        StartupError: one of them cannot be loaded.
    """
    if not (directory / _MANIFEST).is_file():
        raise StartupError(_not_compiled(directory))
    try:
        return make_handler(load_module(directory, program), directory, load)
    except ArtifactError as error:
        raise StartupError(str(error)) from error


def serve(handler: Handler, path: Path, payload_limit: int = PAYLOAD_LIMIT) -> bool:
    """Answer requests on the Unix socket `path` until SIGTERM or SIGINT, then finish those that are under way.

    Returns:
        Whether all were finished within `DRAIN_SECONDS`.

    Raises:
        StartupError: the socket cannot be made.
    """
    return uvloop.run(_serve(handler, path, payload_limit))


async def _serve(handler: Handler, path: Path, payload_limit: int) -> bool:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    compute = ComputeThread(handler, loop)
    connections = Connections(compute.submit, payload_limit)
    server = await _listen(connections, path)
    _log.info("Ready on %s.", path)
    await stop.wait()
    server.close()
    path.unlink(missing_ok=True)
    _log.info("Ending.")
    unanswered = await connections.drain(DRAIN_SECONDS)
    compute.stop()
    if unanswered:
        _log.error("Ended with %d requests unanswered after %.0f s.", unanswered, DRAIN_SECONDS)
    return not unanswered


async def _listen(connections: Connections, path: Path) -> asyncio.AbstractServer:
    """Listen on `path`, which appears only when connecting to it works, and for this user alone."""
    if len(str(path).encode()) > _PATH_LIMIT:
        raise StartupError(
            f"The socket's path {path} is longer than {_PATH_LIMIT} bytes, the most that the system takes. "
            "Use a home folder with a shorter path (IRONWORKS_HOME)."
        )
    unfinished = path.with_name(path.name + "~")
    listener = socket.socket(socket.AF_UNIX)
    try:
        unfinished.unlink(missing_ok=True)
        listener.bind(str(unfinished))
        unfinished.chmod(0o600)
        server = await asyncio.get_running_loop().create_unix_server(
            connections.connect, sock=listener, backlog=1024
        )
        unfinished.rename(path)
    except OSError as error:
        listener.close()
        raise StartupError(f"The socket {path} cannot be made: {error}") from error
    return server


def _not_compiled(directory: Path) -> str:
    found = sorted(str(file.relative_to(directory)) for file in directory.rglob("*") if file.is_file())
    shown = ", ".join(found[:20]) + (f" and {len(found) - 20} more" if len(found) > 20 else "")
    return (
        f"The model archive holds no {_MANIFEST}, so it is not a compiled model (found: {shown or 'nothing'}). "
        "Original models cannot be served yet: compile the model first (compile_model, or CreateCompilationJob) and "
        "deploy what that gives."
    )
