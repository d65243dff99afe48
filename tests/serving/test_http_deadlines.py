"""What takes too long."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from tests.serving.listening import in_loop, listening
from tests.serving.processes import Instances, wait_until
from tests.serving.test_http import close, echo, post, read_answer
from tests.serving.test_instance import ask

SHORT = 0.2

NEVER_RETURNS = """
import time

def neo_preprocess(payload, content_type):
    print("computing")
    while True:
        time.sleep(1)
"""


@pytest.mark.parametrize("request_", [b"POST /invo", post(b"abc")[:-1]], ids=["head", "body"])
def test_a_request_that_does_not_come_in_whole_is_a_408(request_: bytes) -> None:
    @in_loop
    async def test() -> None:
        async with listening(echo, request_time=SHORT) as instance:
            reader, writer = await asyncio.open_unix_connection(str(instance.socket))
            writer.write(request_)
            status, headers, _ = await read_answer(reader)
            assert (status, headers["connection"]) == (408, "close")
            assert await reader.read() == b""
            await close(writer)

    test()


@in_loop
async def test_an_idle_connection_to_the_unix_socket_is_kept() -> None:
    async with listening(echo, request_time=SHORT) as instance:
        reader, writer = await asyncio.open_unix_connection(str(instance.socket))
        for body in (b"first", b"second"):
            writer.write(post(body))
            assert (await read_answer(reader))[2] == body
            await asyncio.sleep(3 * SHORT)
        await close(writer)


@in_loop
async def test_a_client_that_does_not_read_its_answer_is_given_up() -> None:
    async with listening(echo, request_time=SHORT) as instance:
        with socket.socket(socket.AF_UNIX) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
            client.connect(str(instance.socket))
            client.setblocking(False)
            for _ in range(10):
                await asyncio.get_running_loop().sock_sendall(client, post(bytes(90_000)))
            while instance.server.connections():
                await asyncio.sleep(0.01)


def test_an_invocation_without_an_answer_in_time_is_told_so_and_the_instance_makes_way(
    archive: Path, instances: Instances
) -> None:
    (archive / "code" / "inference.py").write_text(NEVER_RETURNS)
    instance = instances.start(archive, SAGEMAKER_MODEL_SERVER_TIMEOUT="1").until_ready()
    with socket.socket(socket.AF_UNIX) as stuck, socket.socket(socket.AF_UNIX) as waiting:
        for client in (stuck, waiting):
            client.settimeout(20)
            client.connect(str(instance.socket))
        stuck.sendall(post(b"[1]"))
        wait_until(lambda: "computing" in instance.output)
        waiting.sendall(post(b"[2]"))
        assert ask(instance, "GET", "/ping") == (200, b"")
        assert stuck.recv(1000).startswith(b"HTTP/1.1 504 Gateway Timeout\r\n")
        assert waiting.recv(1000).startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert instance.process.wait(20) == 1
    assert "Invocation answered with 504" in instance.output
    assert "Invocation answered with 503" in instance.output
    assert "have not returned for 2 s" in instance.output.splitlines()[-1]
