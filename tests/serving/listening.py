"""An instance's server within the tests' own process, on a handler of the test."""

from __future__ import annotations

import asyncio
import inspect
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from ironworks.serving._http import Server
from ironworks.serving.compute import one_by_one
from ironworks.serving.instance import answering
from ironworks.serving.invocation import Handler
from ironworks.serving.listeners import listen_on_address, listen_on_path

LIMIT = 100_000
TOKEN = "the-token"


@dataclass
class Listening:
    """Where it listens, and the server."""

    socket: Path
    port: int
    server: Server

    async def drain(self, seconds: float) -> int:
        """How many connections are left after at most so long."""
        return await asyncio.to_thread(self.server.drain, seconds)


@asynccontextmanager
async def listening(
    handler: Handler, request_time: float = 60, answer_time: float = 60, compute: Any = None
) -> AsyncIterator[Listening]:
    """Serve `handler` with a payload limit of `LIMIT` bytes; at the end every connection is closed."""
    server = Server(compute or one_by_one(handler), LIMIT, request_time, answer_time, 1, 0, TOKEN)
    with tempfile.TemporaryDirectory(prefix="iw-") as folder, answering(server):
        path = Path(folder) / "s"
        with listen_on_path(path) as listener:
            server.listen(listener.fileno(), False)
        with listen_on_address("127.0.0.1:0") as listener:
            server.listen(listener.fileno(), True)
            port = listener.getsockname()[1]
        found = Listening(path, port, server)
        try:
            yield found
        finally:
            assert await found.drain(10) == 0


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a coroutine function as a test, on the event loop that the server uses."""

    def run(**fixtures: Any) -> None:
        async def bounded() -> None:
            await asyncio.wait_for(test(**fixtures), 30)

        uvloop.run(bounded())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    run.__signature__ = inspect.signature(test)  # type: ignore[attr-defined]
    return run
