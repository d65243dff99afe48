"""The short way of InvokeEndpoint: what takes it, what does not, and that a client cannot tell the difference."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest

from ironworks.server import invocations
from ironworks.server.authority import Authority
from ironworks.server.http import Request, Response
from tests.server.running import Running, echo, running, wait_for

HEAD = b"POST /endpoints/digits/invocations?a=b HTTP/1.1\r\nHost: here\r\nX-One:  1 \r\n"
PLAIN = HEAD + b"Content-Length: 3\r\n\r\nabc"
GENERAL = b"GET /general HTTP/1.1\r\nHost: here\r\n\r\n"


class Application:
    """Answers over ASGI as `echo` does, and on the short way in a manner of its own."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()
        self.asked = threading.Event()
        self.release: asyncio.Event | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await echo(scope, receive, send)

    async def respond(self, request: Request) -> Response:
        body = await request.read(1 << 20)
        if body == b"wait":
            self.release = asyncio.Event()
            self.loop = asyncio.get_running_loop()
            self.asked.set()
            try:
                await self.release.wait()
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
        answer = {
            "short": True,
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "headers": dict(request.headers),
            "body": body.decode(),
        }
        return Response(207, {"Content-Type": "a/b"}, json.dumps(answer).encode())


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
def server(authority: Authority, application: Application) -> Iterator[Running]:
    with running(authority, app=application) as found:
        yield found
        found.wait_until_idle()
        assert found.complaints == []


@pytest.fixture
def client(server: Running) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connected:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield connected


def read(client: socket.socket) -> tuple[bytes, Any]:
    """The head of the next answer, and its body as JSON."""
    received = bytearray()
    while not received.endswith(b"\r\n\r\n"):
        byte = client.recv(1)
        assert byte, bytes(received)
        received += byte
    head = bytes(received)
    if head.startswith(b"HTTP/1.1 100"):
        return read(client)
    if b"transfer-encoding: chunked" in head.lower():
        size = int(_line(client), 16)
        body = _exactly(client, size)
        assert (_line(client), _line(client), _line(client)) == (b"", b"0", b"")
    else:
        body = _exactly(client, int(head.lower().partition(b"content-length:")[2].split()[0]))
    return head, json.loads(body)


def _line(client: socket.socket) -> bytes:
    received = b""
    while not received.endswith(b"\r\n"):
        received += client.recv(1)
    return received[:-2]


def _exactly(client: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        received += client.recv(size - len(received))
    return received


def test_a_plain_request_reaches_the_application_whole(client: socket.socket) -> None:
    client.sendall(PLAIN)
    head, answer = read(client)
    assert answer == {
        "short": True,
        "method": "POST",
        "path": "/endpoints/digits/invocations",
        "query": "a=b",
        "headers": {"host": "here", "x-one": "1", "content-length": "3"},
        "body": "abc",
    }
    assert head.startswith(b"HTTP/1.1 207 Multi-Status\r\nContent-Type: a/b\r\n")
    assert b"\r\ndate: " in head


def test_what_boto3_sends_is_plain(server: Running) -> None:
    client = botocore.session.Session().create_client(
        "sagemaker-runtime",
        region_name="us-west-2",
        endpoint_url=server.url,
        aws_access_key_id="AKIA",
        aws_secret_access_key="secret",
    )
    answer = client.invoke_endpoint(
        EndpointName="digits", Body=b"abc", ContentType="text/csv", Accept="a/b", TargetVariant="blue"
    )
    assert json.loads(answer["Body"].read())["short"]
    client.close()


def test_a_request_may_come_in_any_two_pieces(client: socket.socket) -> None:
    for at in range(1, len(PLAIN)):
        client.sendall(PLAIN[:at])
        threading.Event().wait(0.001)
        client.sendall(PLAIN[at:])
        assert read(client)[1]["body"] == "abc"


def test_requests_that_come_together_are_answered_in_order(client: socket.socket) -> None:
    client.sendall(b"".join(HEAD + b"Content-Length: 1\r\n\r\n%d" % index for index in range(10)))
    assert [read(client)[1]["body"] for _ in range(10)] == [str(index) for index in range(10)]


@pytest.mark.parametrize(
    "request_",
    [
        HEAD + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\nabc",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        HEAD + b"Content-Length: 3\r\nConnection: close\r\n\r\nabc",
        HEAD + b"Content-Length: 1048577\r\n\r\n" + bytes(1048577),
        HEAD + b"X-One: 2\r\nContent-Length: 3\r\n\r\nabc",
        HEAD.replace(b"HTTP/1.1", b"HTTP/1.0") + b"Content-Length: 3\r\n\r\nabc",
        HEAD + b"\r\n",
        HEAD + b"X: " + b"x" * 17_000 + b"\r\nContent-Length: 3\r\n\r\nabc",
    ],
    ids=["expect", "chunked", "close", "large", "repeated", "1.0", "no-length", "long-head"],
)
def test_a_request_that_is_not_plain_is_general_http(client: socket.socket, request_: bytes) -> None:
    client.sendall(PLAIN + request_)
    assert read(client)[1]["short"]
    _, answer = read(client)
    assert answer["path"] == "/endpoints/digits/invocations"
    assert "short" not in answer


@pytest.mark.parametrize(
    "oddity",
    [
        HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        HEAD + b"Content-Length: +3\r\n\r\nabc",
        HEAD + b"Content-Length : 3\r\n\r\nabc",
        HEAD + b"X: a\nY: b\r\nContent-Length: 3\r\n\r\nabc",
        HEAD + b"X: a\0\r\nContent-Length: 3\r\n\r\nabc",
        HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
    ],
)
def test_a_malformed_request_never_takes_the_short_way(client: socket.socket, oddity: bytes) -> None:
    client.sendall(oddity)
    received = b""
    while b"\r\n\r\n" not in received and (data := client.recv(65536)):
        received += data
    assert b'"short"' not in received


def test_one_connection_may_ask_for_this_and_for_that(client: socket.socket) -> None:
    client.sendall(PLAIN)
    assert read(client)[1]["short"]
    client.sendall(GENERAL[:3])
    threading.Event().wait(0.01)
    client.sendall(GENERAL[3:])
    assert read(client)[1]["path"] == "/general"
    client.sendall(PLAIN)
    assert read(client)[1]["size"] == 3


def test_a_client_that_goes_away_is_not_waited_for(
    server: Running, application: Application, client: socket.socket
) -> None:
    client.sendall(HEAD + b"Content-Length: 4\r\n\r\nwait")
    assert application.asked.wait(10)
    client.close()
    assert application.cancelled.wait(10)


def test_an_answer_under_way_is_finished_when_the_server_stops(
    server: Running, application: Application, client: socket.socket
) -> None:
    client.sendall(HEAD + b"Content-Length: 4\r\n\r\nwait")
    assert application.asked.wait(10)
    server.server.should_exit = True
    (connection,) = server.server.server_state.connections
    wait_for(lambda: connection._closing)  # type: ignore[union-attr]
    assert application.release is not None
    application.loop.call_soon_threadsafe(application.release.set)
    head, answer = read(client)
    assert answer["body"] == "wait"
    assert b"\r\nconnection: close\r\n" in head
    assert client.recv(1) == b""


@pytest.mark.parametrize("beginning", [b"", PLAIN[:20], PLAIN[:-1]])
def test_a_client_that_does_not_go_on_is_let_go(
    server: Running, client: socket.socket, monkeypatch: pytest.MonkeyPatch, beginning: bytes
) -> None:
    monkeypatch.setattr(invocations, "IDLE_SECONDS", 0.05)
    monkeypatch.setattr(invocations, "UNFINISHED_SECONDS", 0.05)
    client.sendall(PLAIN)
    read(client)
    client.sendall(beginning)
    with contextlib.suppress(ConnectionResetError):
        assert client.recv(1) == b""
