"""Between ASGI and the shapes that the services see."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from typing import Any

from ironworks.server.http import Body, ClientDisconnected, Request, Response, new_request_id

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Exchange:
    """One request and its answer, on a connection that may break at any time."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._body_read = False
        self.request = _request(scope, self._body())

    async def answer(self, response: Response) -> None:
        """Send the answer. When the client goes away, a streamed body is closed and read no further."""
        head = {"type": "http.response.start", "status": response.status, "headers": self._headers(response)}
        await self._send(head)
        if isinstance(response.body, bytes):
            await self._send({"type": "http.response.body", "body": response.body})
        else:
            await self._stream(response.body)

    def _headers(self, response: Response) -> list[tuple[bytes, bytes]]:
        headers = {name.lower(): value for name, value in response.headers.items()}
        if isinstance(response.body, bytes) and response.status not in (204, 304):
            headers.setdefault("content-length", str(len(response.body)))
        if "expect" in self.request.headers and not self._body_read:
            # Refused before `100 Continue`, the client keeps its body: what it sends next would be taken for it.
            headers["connection"] = "close"
        return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]

    async def _stream(self, body: Body) -> None:
        gone = asyncio.ensure_future(self._gone())
        try:
            async for chunk in body:
                if gone.done():
                    raise ClientDisconnected
                await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
            await self._send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await gone
            if isinstance(body, AsyncGenerator):
                await body.aclose()

    async def _gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _body(self) -> Body:
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnected
            self._body_read = not message.get("more_body", False)
            if message.get("body"):
                yield message["body"]
            more = message.get("more_body", False)


def _request(scope: Scope, body: Body) -> Request:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return Request(
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        body=body,
        id=new_request_id(),
    )
