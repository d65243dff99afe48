"""`python -m tests.server.stub HOST PORT`: the server's process, around an application that is well and no more."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from ironworks.errors import IronworksError
from ironworks.home import Home
from ironworks.server.foreground import run


def create_app(home: Home, url: str) -> Callable[..., Any]:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"{}"})
        elif fault := os.environ.get("STUB_STARTUP"):
            await send({"type": "lifespan.startup.failed", "message": fault})
        else:
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})

    return app


if __name__ == "__main__":
    try:
        run(Home.from_environment(), sys.argv[1], int(sys.argv[2]), create_app)
    except IronworksError as error:
        sys.exit(f"Error: {error}")
