from __future__ import annotations

import asyncio
import ctypes
import os
import subprocess
import sys
import threading
from asyncio import StreamReader, StreamWriter
from pathlib import Path

import pytest

from ironworks.serving.errors import InvocationError
from ironworks.serving.invocation import Answer, Invocation
from tests.serving.listening import LIMIT, in_loop, listening


def echo(invocation: Invocation) -> Answer:
    """Answers the body, and its members as the content type."""
    if invocation.body == b"refuse":
        raise InvocationError(415, "refused")
    return Answer(invocation.body, f"{invocation.content_type} {invocation.accept}")


async def read_answer(reader: StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in head[1:] if line)
    return int(head[0].split()[1]), headers, await reader.readexactly(int(headers.get("content-length", 0)))


async def talk(socket: Path, data: bytes, answers: int = 1) -> list[tuple[int, dict[str, str], bytes]]:
    reader, writer = await asyncio.open_unix_connection(str(socket))
    writer.write(data)
    found = [await read_answer(reader) for _ in range(answers)]
    await close(writer)
    return found


async def close(writer: StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()


def post(body: bytes, *headers: str) -> bytes:
    lines = ["POST /invocations HTTP/1.1", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@in_loop
async def test_ping_answers_200() -> None:
    async with listening(echo) as instance:
        assert [
            status for status, _, _ in await talk(instance.socket, b"GET /ping?x=1 HTTP/1.1\r\n\r\n")
        ] == [200]


@in_loop
async def test_an_invocation_carries_its_body_and_headers() -> None:
    async with listening(echo) as instance:
        request = post(b"abc", "CONTENT-TYPE: text/csv; a=b", "Accept: x/y")
        ((status, headers, body),) = await talk(instance.socket, request)
        assert (status, headers["content-type"], body) == (200, "text/csv; a=b x/y", b"abc")


@in_loop
async def test_json_comes_and_anything_is_accepted_where_nothing_is_said() -> None:
    async with listening(echo) as instance:
        ((_, headers, _),) = await talk(instance.socket, post(b""))
        assert headers["content-type"] == "application/json */*"


@in_loop
async def test_a_chunked_body_is_put_together() -> None:
    request = (
        b"POST /invocations HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    async with listening(echo) as instance:
        assert (await talk(instance.socket, request))[0][2] == b"abcde"


@in_loop
async def test_a_connection_serves_one_request_after_another_also_after_an_error() -> None:
    async with listening(echo) as instance:
        reader, writer = await asyncio.open_unix_connection(str(instance.socket))
        for body, status in ((b"a", 200), (b"refuse", 415), (b"b", 200)):
            writer.write(post(body))
            assert (await read_answer(reader))[0] == status
        await close(writer)


@in_loop
async def test_requests_sent_ahead_are_answered_in_order() -> None:
    async with listening(echo) as instance:
        requests = [post(b"%d" % index) for index in range(50)] + [b"GET /ping HTTP/1.1\r\n\r\n"]
        answers = await talk(instance.socket, b"".join(requests), 51)
        assert [body for _, _, body in answers] == [b"%d" % index for index in range(50)] + [b""]


@in_loop
async def test_a_request_byte_by_byte_is_understood() -> None:
    async with listening(echo) as instance:
        reader, writer = await asyncio.open_unix_connection(str(instance.socket))
        for byte in post(b"abc", "Content-Type: a/b"):
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        assert (await read_answer(reader))[2] == b"abc"
        await close(writer)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET /", 404),
        ("POST /invocations/x", 404),
        ("GET /invocations", 405),
        ("PUT /invocations", 405),
        ("POST /ping", 405),
    ],
)
def test_other_paths_and_methods_are_refused(line: str, status: int) -> None:
    @in_loop
    async def test() -> None:
        async with listening(echo) as instance:
            answers = await talk(instance.socket, f"{line} HTTP/1.1\r\nContent-Length: 0\r\n\r\n".encode())
            assert [answer[0] for answer in answers] == [status]

    test()


@in_loop
async def test_what_is_not_http_is_a_400_and_the_end_of_the_connection() -> None:
    async with listening(echo) as instance:
        reader, writer = await asyncio.open_unix_connection(str(instance.socket))
        writer.write(b"\x16\x03\x01 nonsense\r\n\r\n")
        assert (await read_answer(reader))[0] == 400
        assert await reader.read() == b""
        await close(writer)


@in_loop
async def test_connection_close_is_honoured() -> None:
    async with listening(echo) as instance:
        reader, writer = await asyncio.open_unix_connection(str(instance.socket))
        writer.write(post(b"a", "Connection: close"))
        assert (await read_answer(reader))[1]["connection"] == "close"
        assert await reader.read() == b""
        await close(writer)


@in_loop
async def test_an_upgrade_is_ignored() -> None:
    async with listening(echo) as instance:
        answers = await talk(instance.socket, post(b"a", "Connection: Upgrade", "Upgrade: h2c"))
        assert answers[0][0] == 200


@in_loop
async def test_expect_continue_is_answered_before_the_body() -> None:
    async with listening(echo) as instance:
        reader, writer = await asyncio.open_unix_connection(str(instance.socket))
        head, body = post(b"abc", "Expect: 100-continue")[:-3], b"abc"
        writer.write(head)
        assert (await read_answer(reader))[0] == 100
        writer.write(body)
        assert (await read_answer(reader))[2] == b"abc"
        await close(writer)


@in_loop
async def test_a_payload_of_the_limit_is_taken() -> None:
    async with listening(echo) as instance:
        assert (await talk(instance.socket, post(bytes(LIMIT))))[0][0] == 200


@in_loop
async def test_a_larger_payload_is_refused_before_it_is_sent() -> None:
    async with listening(echo) as instance:
        reader, writer = await asyncio.open_unix_connection(str(instance.socket))
        writer.write(post(bytes(LIMIT + 1), "Expect: 100-continue")[: -LIMIT - 1])
        status, headers, body = await read_answer(reader)
        assert (status, headers["connection"], str(LIMIT) in body.decode()) == (413, "close", True)
        await close(writer)


@in_loop
async def test_a_client_that_sends_it_all_the_same_reads_the_refusal() -> None:
    async with listening(echo) as instance:
        reader, writer = await asyncio.open_unix_connection(str(instance.socket))
        writer.write(post(bytes(20 * LIMIT)))
        await writer.drain()
        assert (await read_answer(reader))[0] == 413
        assert await reader.read() == b""
        await close(writer)


@in_loop
async def test_a_chunked_payload_is_refused_where_it_passes_the_limit() -> None:
    async with listening(echo) as instance:
        chunk = b"%x\r\n" % LIMIT + bytes(LIMIT) + b"\r\n"
        request = (
            b"POST /invocations HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + 3 * chunk + b"0\r\n\r\n"
        )
        assert (await talk(instance.socket, request))[0][0] == 413


@in_loop
async def test_a_refusal_waits_for_the_answer_before_it() -> None:
    async with listening(echo) as instance:
        answers = await talk(instance.socket, post(b"first") + post(bytes(LIMIT + 1)), 2)
        assert [answer[0] for answer in answers] == [200, 413]


@in_loop
async def test_ping_is_answered_while_the_model_computes() -> None:
    release = threading.Event()

    def slow(_: Invocation) -> Answer:
        release.wait(10)
        return Answer(b"done")

    async with listening(slow) as instance:
        invoking = asyncio.ensure_future(talk(instance.socket, post(b"")))
        assert (await talk(instance.socket, b"GET /ping HTTP/1.1\r\n\r\n"))[0][0] == 200
        assert not invoking.done()
        release.set()
        assert (await invoking)[0][2] == b"done"


@in_loop
async def test_ping_is_answered_while_a_hook_keeps_pythons_lock() -> None:
    """So it is when a hook calls into C for long. Without the lock nothing of Python runs, not even this test."""
    reading, writing = os.pipe()
    code = """
import os, socket, sys
path, writing = sys.argv[1], int(sys.argv[2])
for request in (b"GET /ping HTTP/1.1\\r\\n\\r\\n", b"GET /nothing HTTP/1.1\\r\\n\\r\\n"):
    client = socket.socket(socket.AF_UNIX)
    client.connect(path)
    client.sendall(request)
    print(client.recv(1000).split()[1].decode())
os.write(writing, b"x")
"""

    async with listening(lambda _: keep_lock_until_readable(reading)) as instance:
        words = [sys.executable, "-c", code, str(instance.socket), str(writing)]
        with subprocess.Popen(words, pass_fds=[writing], stdout=subprocess.PIPE) as other:
            answers = await talk(instance.socket, post(b""))
            assert other.communicate()[0].split() == [b"200", b"404"]
        assert answers[0][2] == b"x"
    os.close(reading)
    os.close(writing)


def keep_lock_until_readable(descriptor: int) -> Answer:
    buffer = ctypes.create_string_buffer(1)
    assert ctypes.PyDLL(None).read(descriptor, buffer, 1) == 1  # unlike CDLL, it does not release the lock
    return Answer(buffer.raw)


@in_loop
async def test_a_request_whose_client_left_is_not_computed() -> None:
    computing, release, bodies = threading.Event(), threading.Event(), []

    def slow(invocation: Invocation) -> Answer:
        computing.set()
        release.wait(10)
        bodies.append(invocation.body)
        return Answer(b"")

    async with listening(slow) as instance:
        staying = asyncio.ensure_future(talk(instance.socket, post(b"stays")))
        while not computing.is_set():
            await asyncio.sleep(0.001)
        reader, leaving = await asyncio.open_unix_connection(str(instance.socket))
        leaving.write(b"GET /ping HTTP/1.1\r\n\r\n" + post(b"leaves"))
        assert (await read_answer(reader))[0] == 200  # so the request behind it has come in
        await close(leaving)
        await asyncio.sleep(0.01)  # whether a client is still there is asked only of what waited for a while
        release.set()
        await staying
        await talk(instance.socket, post(b"last"))
        assert bodies == [b"stays", b"last"]


@in_loop
async def test_draining_closes_idle_connections_and_finishes_the_others() -> None:
    release = threading.Event()

    def slow(invocation: Invocation) -> Answer:
        release.wait(10)
        return Answer(invocation.body)

    async with listening(slow) as instance:
        idle, idle_writer = await asyncio.open_unix_connection(str(instance.socket))
        busy, busy_writer = await asyncio.open_unix_connection(str(instance.socket))
        halfway, halfway_writer = await asyncio.open_unix_connection(str(instance.socket))
        busy_writer.write(post(b"busy"))
        request = post(b"halfway")
        halfway_writer.write(request[:-3])
        await asyncio.sleep(0.05)

        draining = asyncio.ensure_future(instance.drain(10))
        assert await idle.read() == b""
        halfway_writer.write(request[-3:])
        release.set()

        for reader, body in ((busy, b"busy"), (halfway, b"halfway")):
            answer = await read_answer(reader)
            assert (answer[0], answer[1]["connection"], answer[2]) == (200, "close", body)
            assert await reader.read() == b""
        assert await draining == 0
        for writer in (idle_writer, busy_writer, halfway_writer):
            await close(writer)


@in_loop
async def test_draining_gives_up_after_its_time() -> None:
    release = threading.Event()

    def stuck(_: Invocation) -> Answer:
        release.wait(10)
        return Answer(b"")

    async with listening(stuck) as instance:
        _, writer = await asyncio.open_unix_connection(str(instance.socket))
        writer.write(post(b""))
        await asyncio.sleep(0.05)
        assert await instance.drain(0.05) == 1
        release.set()
        await close(writer)
