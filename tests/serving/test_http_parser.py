"""The parsers by themselves, with the compiler's sanitizers, and the whole server against another parser."""

from __future__ import annotations

import random
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import httptools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ironworks.serving import instance
from ironworks.serving._http import Server
from ironworks.serving.compute import one_by_one
from ironworks.serving.invocation import Answer, Invocation
from ironworks.serving.listeners import listen_on_path
from tests.serving.test_http_malformed import MALFORMED, POST

SOURCES = Path(instance.__file__).parent / "c"
COMPILER = shutil.which("gcc") or shutil.which("clang")
FEED = Path(__file__).parent / "c" / "feed.c"
VALID = [
    b"GET /ping HTTP/1.1\r\n\r\n",
    POST + b"Content-Length: 3\r\nContent-Type: text/csv\r\nAccept: */*\r\n\r\nabc",
    POST
    + b"Transfer-Encoding: chunked\r\nConnection: close, x\r\n\r\n3;x=y\r\nabc\r\n1\r\nd\r\n0\r\nA: b\r\n\r\n",
    b"\r\nPOST http://h/invocations?a=b HTTP/1.0\r\nHost: h\r\nAuthorization: Bearer x\r\nContent-Length: 0\r\n\r\n",
]


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Sequence[bytes]], list[tuple[int, int]]]:
    """Gives requests to the parsers, however cut, and answers the status and the size of the chunks' body of each."""
    if COMPILER is None:
        pytest.skip("there is no C compiler")
    program = tmp_path_factory.mktemp("feed") / "feed"
    sanitize = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    sources = [FEED, SOURCES / "head.c", SOURCES / "chunks.c"]
    subprocess.run([COMPILER, *sanitize, f"-I{SOURCES}", *sources, "-o", program], check=True)

    def run(requests: Sequence[bytes]) -> list[tuple[int, int]]:
        data = b"".join(b"%d\n" % len(request) + request for request in requests)
        found = subprocess.run([program], input=data, capture_output=True)
        assert (found.returncode, found.stderr) == (0, b""), found.stderr.decode()
        return [tuple(map(int, line.split())) for line in found.stdout.decode().splitlines()]  # type: ignore[misc]

    return run


def test_the_parsers_read_what_is_valid(feed: Callable[[Sequence[bytes]], list[tuple[int, int]]]) -> None:
    assert feed(VALID) == [(1, 0), (1, 0), (1, 4), (1, 0)]


def test_the_parsers_refuse_what_is_not(feed: Callable[[Sequence[bytes]], list[tuple[int, int]]]) -> None:
    assert {status for status, _ in feed(list(MALFORMED.values()))} == {400}


def test_the_parsers_survive_whatever_comes(feed: Callable[[Sequence[bytes]], list[tuple[int, int]]]) -> None:
    """Requests with bytes changed, left out and put in, cut in all ways: each is read alike, within its memory."""
    generator = random.Random(1)
    seeds = [*VALID, *MALFORMED.values()]
    pieces = [b"", b"\r", b"\n", b"\r\n", b" ", b":", b"\0", b"\xff", b";", b"0", b"f", b"a" * 40]
    requests = []
    for _ in range(4_000):
        request = bytearray(generator.choice(seeds))
        for _ in range(generator.randint(1, 4)):
            at = generator.randrange(len(request) + 1)
            piece = generator.choice(pieces)
            request[at : at + generator.randint(0, 3)] = piece
        requests.append(bytes(request))
    assert {status for status, _ in feed(requests)} >= {0, 1, 400, 501}


# the whole server against httptools

TOKEN = st.text("!#$%&'*+-.^_`|~abcXYZ019", min_size=1, max_size=12)
VALUE = st.text("\t !\"#$%&'()*+,-./0123456789:;<=>?@AZ[]^_`az{|}~", max_size=30).map(str.strip)
OTHER_FIELDS = st.dictionaries(TOKEN.map(lambda name: f"x-{name}"), VALUE, max_size=5)


class Told:
    """What httptools makes of a request."""

    def __init__(self, request: bytes) -> None:
        self.body, self.fields, self.complete = b"", {}, False
        self.parser = httptools.HttpRequestParser(self)
        self.parser.feed_data(request)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields[name.lower()] = value

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        self.complete = True


def echo(invocation: Invocation) -> Answer:
    return Answer(
        invocation.body + b"|" + invocation.content_type.encode() + b"|" + invocation.accept.encode()
    )


@pytest.fixture(scope="module")
def connection() -> Iterator[socket.socket]:
    """A connection to a server that echoes."""
    server = Server(one_by_one(echo), 100_000, 60, 60)
    with tempfile.TemporaryDirectory(prefix="iw-") as folder, instance.answering(server):
        with listen_on_path(Path(folder) / "s") as listener:
            server.listen(listener.fileno(), False)
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(20)
            client.connect(str(Path(folder) / "s"))
            yield client
        assert server.drain(10) == 0


def body_of_answer(connection: socket.socket) -> bytes:
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65536)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n"), head
    size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(body) < size:
        body += connection.recv(65536)
    return body


def chunked(parts: Sequence[bytes]) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts if part) + b"0\r\n\r\n"


@settings(max_examples=150, deadline=None)
@given(
    parts=st.lists(st.binary(max_size=300), max_size=4),
    in_chunks=st.booleans(),
    content_type=VALUE,
    accept=VALUE,
    others=OTHER_FIELDS,
    data=st.data(),
)
def test_the_server_reads_as_httptools_does(
    connection: socket.socket,
    parts: list[bytes],
    in_chunks: bool,
    content_type: str,
    accept: str,
    others: dict[str, str],
    data: st.DataObject,
) -> None:
    framing = "Transfer-Encoding: chunked" if in_chunks else f"Content-Length: {sum(map(len, parts))}"
    fields = [f"{name}:{value}" for name, value in others.items()]
    fields.insert(data.draw(st.integers(0, len(fields))), framing)
    lines = [
        "POST /invocations HTTP/1.1",
        f"Content-Type: {content_type}",
        f"ACCEPT:  {accept}  ",
        *fields,
        "",
        "",
    ]
    request = "\r\n".join(lines).encode() + (chunked(parts) if in_chunks else b"".join(parts))
    told = Told(request)
    assert told.complete

    cuts = sorted(data.draw(st.lists(st.integers(0, len(request)), max_size=6)))
    for start, end in zip([0, *cuts], [*cuts, len(request)], strict=True):
        connection.sendall(request[start:end])
    content_type_, accept_ = (told.fields[name].strip() for name in (b"content-type", b"accept"))
    wanted = [told.body, content_type_ or b"application/json", accept_ or b"*/*"]
    assert body_of_answer(connection) == b"|".join(wanted)
