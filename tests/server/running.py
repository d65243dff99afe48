"""A server in a thread of the tests: uvicorn on uvloop with the gateway, and an application that echoes."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import uvicorn
import uvloop

from ironworks.server.authority import Authority
from ironworks.server.gateway import gateway
from ironworks.server.process import listen
from ironworks.server.tunnel import UpstreamProxy


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers what was asked, and the size and SHA-256 of the body; `/download/N` answers N MiB, `/quiet/` no body."""
    digest, size, more = hashlib.sha256(), 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        digest.update(message["body"])
        size += len(message["body"])
        more = message["more_body"]
    if scope["path"].startswith("/quiet/"):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"etag", b'"%d"' % size)]})
        await send({"type": "http.response.body"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"].startswith("/download/"):
        for _ in range(int(scope["path"].rpartition("/")[2])):
            await send({"type": "http.response.body", "body": bytes(1 << 20), "more_body": True})
        await send({"type": "http.response.body"})
        return
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    answer = {
        "method": scope["method"],
        "path": scope["path"],
        "scheme": scope["scheme"],
        "host": headers.get("host"),
        "size": size,
        "sha256": digest.hexdigest(),
    }
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


@dataclass
class Running:
    """A server, and what went wrong in its event loop."""

    port: int
    authority: Authority
    server: uvicorn.Server
    complaints: list[Any] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_until_idle(self) -> None:
        """Until no connection and no task is left."""
        state = self.server.server_state
        wait_for(lambda: not state.connections and not state.tasks)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "waited for 10 s"
        time.sleep(0.005)


@contextlib.contextmanager
def running(
    authority: Authority, upstream: UpstreamProxy | None = None, app: Any = echo
) -> Iterator[Running]:
    """Serve until the block ends; then everything must be closed and nothing have gone wrong."""
    listener = listen("127.0.0.1", 0)
    config = uvicorn.Config(
        app,
        http=gateway(authority, upstream),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    found = Running(listener.getsockname()[1], authority, server)

    async def serve() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: found.complaints.append(context))
        await server.serve(sockets=[listener])
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        if left:
            found.complaints.append(left)

    thread = threading.Thread(target=lambda: uvloop.run(serve()))
    thread.start()
    try:
        wait_for(lambda: server.started)
        yield found
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()
    assert not thread.is_alive()
    assert not server.server_state.connections
    assert found.complaints == []
