"""The same model and functions behind other ways to speak HTTP.

`python -m benchmarks.serving.paths_servers WAY MODEL PORT` is what `paths` starts.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

from ironworks.serving.instance import prepare
from ironworks.serving.settings import Settings

MODEL = "PATHS_MODEL"


class Application:
    """Raw ASGI: the model runs where the request was read, which is the fastest that an event loop can do."""

    def __init__(self, model: str) -> None:
        self.answer = prepare(Path(model), Settings())

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while True:
                kind = (await receive())["type"]
                await send({"type": f"{kind}.complete"})
                if kind == "lifespan.shutdown":
                    return
        message = await receive()
        body = message["body"]
        while message.get("more_body"):
            message = await receive()
            body += message["body"]
        headers = dict(scope["headers"])
        request = (body, headers.get(b"content-type", b"").decode(), headers.get(b"accept", b"").decode())
        ((status, content_type, made, _),) = self.answer([request])
        fields = [(b"content-type", content_type), (b"content-length", str(len(made)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": made})


def application() -> Application:
    """For servers that are told a name."""
    return Application(os.environ[MODEL])


class Connection(asyncio.Protocol):
    """A connection on httptools, which gives its requests to `tasks`."""

    def __init__(self, tasks: SimpleQueue[Any]) -> None:
        import httptools

        self.tasks = tasks
        self.parser = httptools.HttpRequestParser(self)
        self.on_message_begin()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_begin(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.chunks: list[bytes] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.lower()] = value

    def on_body(self, data: bytes) -> None:
        self.chunks.append(data)

    def on_message_complete(self) -> None:
        kinds = (self.headers.get(name, b"").decode() for name in (b"content-type", b"accept"))
        self.tasks.put((self, (b"".join(self.chunks), *kinds)))

    def deliver(self, made: tuple[int, bytes, bytes, int]) -> None:
        status, content_type, body, _ = made
        fields = f"content-type: {content_type.decode()}\r\ncontent-length: {len(body)}\r\n\r\n"
        if not self.transport.is_closing():
            self.transport.write(f"HTTP/1.1 {status} OK\r\n{fields}".encode() + body)


def by_httptools(model: str, port: int) -> None:
    """A protocol of asyncio's on httptools and uvloop, with the model in a thread: what instances used before."""
    import uvloop

    answer = prepare(Path(model), Settings())
    tasks: SimpleQueue[Any] = SimpleQueue()

    async def serve() -> None:
        loop = asyncio.get_running_loop()

        def work() -> None:
            while True:
                connection, request = tasks.get()
                loop.call_soon_threadsafe(connection.deliver, answer([request])[0])

        Thread(target=work, daemon=True).start()
        server = await loop.create_server(lambda: Connection(tasks), "127.0.0.1", port)
        await server.serve_forever()

    uvloop.run(serve())


def by_uvicorn(model: str, port: int) -> None:
    """Uvicorn with uvloop and httptools."""
    import uvicorn

    uvicorn.run(
        Application(model), port=port, loop="uvloop", http="httptools", log_level="error", access_log=False
    )


def by_granian(model: str, port: int) -> None:
    """Granian, a server in Rust."""
    from granian import Granian
    from granian.constants import Interfaces, Loops

    os.environ[MODEL] = model
    Granian(
        "benchmarks.serving.paths_servers:application",
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        factory=True,
        log_enabled=False,
        websockets=False,
    ).serve()


if __name__ == "__main__":
    _, way, model, port = sys.argv
    {"httptools": by_httptools, "uvicorn": by_uvicorn, "granian": by_granian}[way](model, int(port))
