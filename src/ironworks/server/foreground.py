"""The server as a process, from inside: uvicorn with the gateway, one a home, announced by a record."""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import psutil
import uvicorn

from ironworks.errors import ClientError, PlatformError
from ironworks.home import Home
from ironworks.server.authority import Authority
from ironworks.server.gateway import gateway
from ironworks.server.process import ServerRecord, listen
from ironworks.server.trust import replace
from ironworks.server.tunnel import UpstreamProxy

GRACE = 5
"""Seconds that requests in progress get to finish when the server stops."""

KEEP_ALIVE = 75
"""Seconds an idle connection is kept: a client that polls every 30 s or every minute needs no new one."""

_LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def run(home: Home, host: str, port: int, create_app: Callable[[Home, str], Any]) -> None:
    """Serve `home` until SIGTERM or SIGINT, then leave with exit code 0. Port 0 takes any free one.

    `create_app` makes the ASGI application, with lifespan, from the home and the URL at which it will answer.

    Raises:
        ClientError: the port cannot be listened on, or HTTPS_PROXY not be used.
        PlatformError: another server runs on this home.
        SystemExit: 3 when the application does not start, as uvicorn has it.
    """
    # uvicorn raises the signal that ended it once more; what remains to be done is in `finally` clauses.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    logging.basicConfig(level=logging.INFO, format=_LOG_FORMAT, force=True)
    home.create()
    with _lock(home), listen(host, port) as listener:
        record = _record(host, listener)
        config = uvicorn.Config(
            create_app(home, record.url),
            http=gateway(Authority.open(home.ca), _upstream()),
            ws="none",
            loop="uvloop",
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=GRACE,
        )
        try:
            _Server(config, home, record).run(sockets=[listener])
        finally:
            home.server_record.unlink(missing_ok=True)


class _Server(uvicorn.Server):
    """Announces itself when it answers."""

    def __init__(self, config: uvicorn.Config, home: Home, record: ServerRecord) -> None:
        super().__init__(config)
        self.home = home
        self.record = record

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        replace(self.home.server_record, json.dumps(asdict(self.record), indent=2).encode(), mode=0o600)


def _record(host: str, listener: socket.socket) -> ServerRecord:
    port = listener.getsockname()[1]
    # Clients cannot connect to "any address"; the loopback one is always among them.
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return ServerRecord(
        pid=os.getpid(),
        created=psutil.Process().create_time(),
        host=reachable,
        port=port,
        url=f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}",
        started=time.time(),
        version=version("ironworks"),
    )


def _upstream() -> UpstreamProxy | None:
    try:
        return UpstreamProxy.from_environment(os.environ)
    except ValueError as error:
        raise ClientError(str(error)) from error


@contextlib.contextmanager
def _lock(home: Home) -> Iterator[None]:
    """Hold the home for this process; the kernel lets go of it however the process ends.

    Raises:
        PlatformError: another server holds it.
    """
    with (home.path / "server.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PlatformError(
                f"Another server runs on {home.path}, or is just starting: ironworks status."
            ) from error
        yield
