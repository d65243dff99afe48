import select
import socket

import pytest

from ironworks.bench.connection import BrokenConnection, Connection, Destination, ask, parse, post
from tests.bench.servers import REQUEST, answering, ok

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"


def test_a_request_has_host_length_and_the_given_headers() -> None:
    assert post("/p", "h:1", {"A": "b"}, b"xyz") == (
        b"POST /p HTTP/1.1\r\nHost: h:1\r\nA: b\r\nContent-Length: 3\r\n\r\nxyz"
    )


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (ok(b"abc"), (200, b"abc", False)),
        (b"HTTP/1.1 404 Not Found\r\ncontent-length:0\r\n\r\n", (404, b"", False)),
        (ok(b"abc", "connection: Close\r\n"), (200, b"abc", True)),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", (200, b"a", True)),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na", (200, b"a", False)),
        (CHUNKED, (200, b"abc0123456789", False)),
    ],
)
def test_an_answer_is_whole_at_its_last_byte_and_not_before(
    data: bytes, expected: tuple[int, bytes, bool]
) -> None:
    assert parse(data) == expected
    assert all(parse(data[:end]) is None for end in range(len(data)))


def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    data = b"HTTP/1.1 200 OK\r\n\r\nabc"
    assert parse(data) is None
    assert parse(data, ended=True) == (200, b"abc", True)


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 two\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxx\r\n",
    ],
)
def test_what_is_not_http_breaks_the_connection(data: bytes) -> None:
    with pytest.raises(BrokenConnection):
        parse(data)


def test_one_request_can_be_asked() -> None:
    with answering(lambda _: ok(b"[7]")) as (destination, _):
        assert ask(destination, 5.0) == (200, b"[7]", False)


def test_asking_a_server_that_hangs_up_fails() -> None:
    with answering(lambda _: b"HTTP/1.1 200 OK\r\ncontent-le") as (destination, _), pytest.raises(OSError):
        ask(destination, 5.0)


def test_an_answer_that_closes_closes_the_connection() -> None:
    with answering(lambda _: ok(head="Connection: close\r\n")) as (destination, _):
        connection = Connection(destination, 5.0)
        assert connection.closed
        connection.open()
        assert connection.send() and connection.waiting
        select.select([connection], [], [], 5)
        assert connection.receive() == (200, b"[1]", True)
        assert connection.closed and not connection.waiting


def test_a_large_request_is_sent_in_parts() -> None:
    request = post("/", "h", {}, bytes(16 << 20))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = Connection(Destination(("127.0.0.1", listener.getsockname()[1]), request), 5.0)
        connection.open()
        peer, _ = listener.accept()
        with peer:
            whole, received = connection.send(), 0
            assert not whole, "nobody has read yet"
            while received < len(request):
                received += len(peer.recv(1 << 20))
                if not whole and select.select([], [connection], [], 0)[1]:
                    whole = connection.send_rest()
            assert whole and received == len(request)
        connection.close()


def test_a_destination_says_where_it_is() -> None:
    assert str(Destination(("h", 1), REQUEST)) == "h:1"
    assert str(Destination("/run/x.sock", REQUEST)) == "/run/x.sock"
