"""An instance's HTTP side within the tests' own process, on a handler of the test."""

from __future__ import annotations

import asyncio
import inspect
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop

from ironworks.serving.compute import ComputeThread
from ironworks.serving.http import Connections
from ironworks.serving.invocation import Handler

LIMIT = 100_000


@dataclass
class Listening:
    """Where it listens, its connections, and what went wrong in the event loop."""

    socket: Path
    connections: Connections
    complaints: list[dict[str, Any]] = field(default_factory=list)


@asynccontextmanager
async def listening(handler: Handler) -> AsyncIterator[Listening]:
    """Serve `handler` with a payload limit of `LIMIT` bytes; at the end every connection is closed."""
    loop = asyncio.get_running_loop()
    compute = ComputeThread(handler, loop)
    with tempfile.TemporaryDirectory(prefix="iw-") as folder:
        found = Listening(Path(folder) / "s", Connections(compute.submit, LIMIT))
        loop.set_exception_handler(lambda _, context: found.complaints.append(context))
        server = await loop.create_unix_server(found.connections.connect, str(found.socket))
        try:
            yield found
        finally:
            server.close()
            compute.stop()
            assert await found.connections.drain(10) == 0
            assert not found.complaints


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a coroutine function as a test, on the event loop that instances and the server use."""

    def run(**fixtures: Any) -> None:
        async def bounded() -> None:
            await asyncio.wait_for(test(**fixtures), 30)

        uvloop.run(bounded())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    run.__signature__ = inspect.signature(test)  # type: ignore[attr-defined]
    return run
