"""What a client may not send, and how it is told."""

from __future__ import annotations

import asyncio

import pytest

from tests.serving.listening import LIMIT, TOKEN, in_loop, listening
from tests.serving.test_http import close, echo, post, read_answer, talk

POST = b"POST /invocations HTTP/1.1\r\n"

MALFORMED = {
    "two lengths": POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
    "two lengths that differ": POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a list of lengths": POST + b"Content-Length: 1, 1\r\n\r\na",
    "a signed length": POST + b"Content-Length: +1\r\n\r\na",
    "a negative length": POST + b"Content-Length: -1\r\n\r\na",
    "a hexadecimal length": POST + b"Content-Length: 0x1\r\n\r\na",
    "no number as length": POST + b"Content-Length: \r\n\r\n",
    "a length of 19 digits": POST + b"Content-Length: 1000000000000000000\r\n\r\n",
    "length and chunks": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "chunks twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks in HTTP/1.0": b"POST /invocations HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a folded field": POST + b"Accept: a,\r\n b\r\nContent-Length: 0\r\n\r\n",
    "a field folded by a tab": POST + b"Accept: a,\r\n\tb\r\nContent-Length: 0\r\n\r\n",
    "a blank before the colon": POST + b"Content-Length : 0\r\n\r\n",
    "a field without a colon": POST + b"Content-Length\r\n\r\n",
    "a field without a name": POST + b": 0\r\n\r\n",
    "a name that is no token": POST + b"Content\x7fLength: 0\r\n\r\n",
    "a bare line feed": b"POST /invocations HTTP/1.1\nContent-Length: 0\n\n",
    "a bare line feed at the end": POST + b"Content-Length: 0\n\r\n",
    "a bare carriage return in a value": POST + b"Accept: a\rb\r\nContent-Length: 0\r\n\r\n",
    "a zero in a value": POST + b"Accept: a\0b\r\nContent-Length: 0\r\n\r\n",
    "two hosts": POST + b"Host: a\r\nHost: b\r\nContent-Length: 0\r\n\r\n",
    "no version": b"POST /invocations\r\n\r\n",
    "no target": b"POST  HTTP/1.1\r\n\r\n",
    "two blanks": b"POST  /invocations HTTP/1.1\r\n\r\n",
    "a blank behind the version": b"POST /invocations HTTP/1.1 \r\n\r\n",
    "a blank before the method": b" POST /invocations HTTP/1.1\r\n\r\n",
    "a version without a minor one": b"POST /invocations HTTP/1\r\n\r\n",
    "a version in small letters": b"POST /invocations http/1.1\r\n\r\n",
    "a control character in the target": b"POST /invo\x01cations HTTP/1.1\r\n\r\n",
    "the beginning of TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a chunk without a size": POST + b"Transfer-Encoding: chunked\r\n\r\n\r\n",
    "a chunk with a sign": POST + b"Transfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n",
    "a chunk with 0x": POST + b"Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
    "a chunk with a blank": POST + b"Transfer-Encoding: chunked\r\n\r\n1 \r\na\r\n0\r\n\r\n",
    "a chunk of 16 digits": POST + b"Transfer-Encoding: chunked\r\n\r\n1000000000000000\r\na",
    "a chunk that is longer": POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
    "a chunk's end without CR": POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\n0\r\n\r\n",
    "a chunk's size without CR": POST + b"Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n",
    "a bare CR in an extension": POST + b"Transfer-Encoding: chunked\r\n\r\n1;a\rb\r\na\r\n0\r\n\r\n",
    "an endless extension": POST + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"a" * 2000,
    "a trailer without a colon": POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\ntrailer\r\n\r\n",
}

REFUSED = {
    "a transfer encoding that is not known": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
    "a method that is not known": (b"BREW /invocations HTTP/1.1\r\n\r\n", 501),
    "another major version": (b"POST /invocations HTTP/2.0\r\n\r\n", 505),
    "no length": (POST + b"\r\n", 411),
    "a long head": (POST + b"A: " + b"a" * 20_000, 431),
    "many fields": (POST + b"A: a\r\n" * 4_000 + b"\r\n", 431),
    "long trailers": (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: a\r\n" * 4_000, 431),
}


def refused(request: bytes, status: int, *, whole: bool = True) -> None:
    @in_loop
    async def test() -> None:
        async with listening(echo) as instance:
            reader, writer = await asyncio.open_unix_connection(str(instance.socket))
            if whole:
                writer.write(request)
            else:
                for at in range(len(request)):
                    writer.write(request[at : at + 1])
                    await asyncio.sleep(0)
            answer = await read_answer(reader)
            rest = await reader.read()
            await close(writer)
            assert (answer[0], answer[1].get("connection"), rest) == (status, "close", b"")
            assert answer[2]
            assert (await talk(instance.socket, b"GET /ping HTTP/1.1\r\n\r\n"))[0][0] == 200

    test()


@pytest.mark.parametrize("request_", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_request_is_a_400_and_the_end_of_the_connection(request_: bytes) -> None:
    refused(request_, 400)


@pytest.mark.parametrize("request_", [*MALFORMED.values()][::5], ids=[*MALFORMED][::5])
def test_so_it_is_when_it_comes_byte_by_byte(request_: bytes) -> None:
    refused(request_, 400, whole=False)


@pytest.mark.parametrize(("request_", "status"), REFUSED.values(), ids=REFUSED)
def test_what_this_server_does_not_do_has_a_status_of_its_own(request_: bytes, status: int) -> None:
    refused(request_, status)


@in_loop
async def test_a_refusal_says_what_was_wrong() -> None:
    async with listening(echo) as instance:
        ((_, _, body),) = await talk(instance.socket, MALFORMED["two hosts"])
        assert body == b"This request is not taken: there are two fields Host."


@pytest.mark.parametrize(("path", "allowed"), [("/ping", "GET, HEAD"), ("/invocations", "POST")])
def test_another_method_is_told_which_are_allowed(path: str, allowed: str) -> None:
    @in_loop
    async def test() -> None:
        async with listening(echo) as instance:
            ((status, headers, _),) = await talk(instance.socket, f"DELETE {path} HTTP/1.1\r\n\r\n".encode())
            assert (status, headers["allow"]) == (405, allowed)

    test()


@in_loop
async def test_a_connection_goes_on_after_a_refusal_that_left_nothing_unread() -> None:
    async with listening(echo) as instance:
        requests = b"GET /nothing HTTP/1.1\r\n\r\n" + b"GET /invocations HTTP/1.1\r\n\r\n" + post(b"x")
        answers = await talk(instance.socket, requests, 3)
        assert [answer[0] for answer in answers] == [404, 405, 200]


@in_loop
async def test_head_of_ping_has_no_body_and_empty_lines_before_a_request_are_skipped() -> None:
    async with listening(echo) as instance:
        answers = await talk(instance.socket, b"\r\n\r\nHEAD /ping HTTP/1.1\r\n\r\n" + post(b"x"), 2)
        assert [(status, body) for status, _, body in answers] == [(200, b""), (200, b"x")]


@in_loop
async def test_http_1_0_closes_unless_it_asks_to_keep() -> None:
    async with listening(echo) as instance:
        reader, writer = await asyncio.open_unix_connection(str(instance.socket))
        writer.write(b"GET /ping HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
        assert (await read_answer(reader))[1]["connection"] == "keep-alive"
        writer.write(b"GET /ping HTTP/1.0\r\n\r\n")
        assert (await read_answer(reader))[1]["connection"] == "close"
        assert await reader.read() == b""
        await close(writer)


@in_loop
async def test_a_target_in_absolute_form_is_understood() -> None:
    async with listening(echo) as instance:
        ((status, _, body),) = await talk(
            instance.socket, b"POST http://host:1/invocations?x HTTP/1.1\r\nContent-Length: 1\r\n\r\na"
        )
        assert (status, body) == (200, b"a")


@in_loop
async def test_chunks_may_have_extensions_and_trailers() -> None:
    async with listening(echo) as instance:
        request = (
            POST + b"Transfer-Encoding: Chunked\r\n\r\n"
            b'003;a="b";c\r\nabc\r\nA\r\n0123456789\r\n0;last\r\nTrailer: x\r\nX:\r\n\r\n' + post(b"next")
        )
        answers = await talk(instance.socket, request, 2)
        assert [body for _, _, body in answers] == [b"abc0123456789", b"next"]


# the direct address


async def ask_directly(port: int, request: bytes) -> tuple[int, dict[str, str], bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await read_answer(reader)
    await close(writer)
    return answer


@in_loop
async def test_the_direct_address_asks_for_the_token() -> None:
    async with listening(echo) as instance:
        status, headers, body = await ask_directly(
            instance.port, post(b"abc", f"Authorization: bearer {TOKEN}")
        )
        assert (status, body, "x-ironworks-times" in headers) == (200, b"abc", False)
        for field in (
            "X: y",
            "Authorization: Bearer",
            f"Authorization: Bearer {TOKEN}x",
            f"Authorization: {TOKEN}",
        ):
            status, headers, body = await ask_directly(instance.port, post(b"abc", field))
            assert (status, headers["www-authenticate"]) == (401, "Bearer")
            assert TOKEN.encode() not in body
        status, _, _ = await ask_directly(instance.port, post(b"abc", f"Authorization: Bearer {TOKEN[:-1]}X"))
        assert status == 401


@in_loop
async def test_ping_of_the_direct_address_needs_no_token() -> None:
    async with listening(echo) as instance:
        assert (await ask_directly(instance.port, b"GET /ping HTTP/1.1\r\n\r\n"))[0] == 200


@in_loop
async def test_a_body_without_the_token_is_not_read() -> None:
    async with listening(echo) as instance:
        reader, writer = await asyncio.open_connection("127.0.0.1", instance.port)
        writer.write(post(bytes(LIMIT), "Expect: 100-continue")[:-LIMIT])
        assert (await read_answer(reader))[0] == 401
        await close(writer)


@in_loop
async def test_answers_over_the_unix_socket_say_the_times() -> None:
    async with listening(echo) as instance:
        ((_, headers, _),) = await talk(instance.socket, post(b"abc"))
        queue, hooks, model = map(int, headers["x-ironworks-times"].split(","))
        assert (queue >= 0, hooks >= 0, model) == (True, True, 0)
