"""The sockets of an instance. None of them takes a client before the model is loaded."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

from ironworks.serving.errors import StartupError

_PATH_LIMIT = 106
"""Bytes of a Unix socket's path (`sockaddr_un` holds 107 and an end mark), less one for the unfinished name."""
_BACKLOG = 1024


def listen_on_path(path: Path) -> socket.socket:
    """Listen on the Unix socket `path`, which appears only when connecting to it works, and for this user alone.

    Raises:
        StartupError: the socket cannot be made.
    """
    if len(str(path).encode()) > _PATH_LIMIT:
        raise StartupError(
            f"The socket's path {path} is longer than {_PATH_LIMIT} bytes, the most that the system takes. "
            "Use a home folder with a shorter path (IRONWORKS_HOME)."
        )
    unfinished = path.with_name(path.name + "~")
    listener = socket.socket(socket.AF_UNIX)
    try:
        with suppress(FileNotFoundError):
            unfinished.unlink()
        listener.bind(str(unfinished))
        unfinished.chmod(0o600)
        listener.listen(_BACKLOG)
        unfinished.rename(path)
    except OSError as error:
        listener.close()
        raise StartupError(f"The socket {path} cannot be made: {error}") from error
    return listener


def listen_on_address(address: str) -> socket.socket:
    """Listen on `HOST:PORT`, which all instances of one variant share: the system spreads connections over them.

    Raises:
        StartupError: the address is malformed, or taken by somebody else.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 0xFFFF:
        raise StartupError(f"--listen {address} is not HOST:PORT.")
    host = host.strip("[]")
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, int(port)))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise StartupError(f"The direct address {address} cannot be listened on: {error}") from error
    return listener


def remove_path(path: Path) -> None:
    """Let nobody find the socket `path` any more."""
    with suppress(FileNotFoundError):
        os.unlink(path)  # noqa: PTH108 - as short, and without a second look at the path
