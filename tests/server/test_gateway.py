import asyncio
import contextlib
import hashlib
import json
import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from typing import Any

import botocore.session
import certifi
import psutil
import pytest
import requests

from ironworks.server import gateway as module
from ironworks.server.authority import Authority
from tests.server.running import Running, echo, running, wait_for

HOST = "sts.us-west-2.amazonaws.com"


@contextlib.contextmanager
def connection(server: Running) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        yield client


def exchange(server: Running, *parts: bytes) -> bytes:
    """Send the parts one by one; all that is answered until the server closes."""
    with connection(server) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in parts:
            client.sendall(part)
            threading.Event().wait(0.01)
        return receive_all(client)


def receive_all(client: socket.socket) -> bytes:
    received = bytearray()
    while data := client.recv(65536):
        received += data
    return bytes(received)


def connect(server: Running, target: str, client: socket.socket) -> bytes:
    """The head of the answer to CONNECT."""
    client.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        data = client.recv(1)
        assert data, head
        head += data
    return head


def trusting(server: Running) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(server.authority.ca_bundle))


@contextlib.contextmanager
def secure(server: Running, host: str = HOST) -> Iterator[ssl.SSLSocket]:
    with connection(server) as client:
        assert b" 200 " in connect(server, f"{host}:443", client)
        with trusting(server).wrap_socket(client, server_hostname=host) as tls:
            yield tls


# Plain HTTP on the same port


def test_plain_requests_reach_the_application(server: Running) -> None:
    with requests.Session() as session:
        for path in ("/one", "/two"):
            answer = session.put(server.url + path, data=b"x" * 3, timeout=10).json()
            assert (answer["method"], answer["path"], answer["scheme"], answer["size"]) == (
                "PUT",
                path,
                "http",
                3,
            )


@pytest.mark.parametrize("size", [1, 2, 5, 7])
def test_a_request_in_small_pieces_is_understood(server: Running, size: int) -> None:
    request = b"DELETE /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    pieces = [request[i : i + size] for i in range(0, 14, size)] + [request[-(-14 // size) * size :]]
    assert b'"method": "DELETE"' in exchange(server, *pieces)


@pytest.mark.parametrize("begin", [b"GET / HTTP/1.1\r\nHost: h\r\n", b"GET / HTTP/1.1\r\nx: ", b"GET /"])
def test_an_endless_header_is_refused(server: Running, begin: bytes) -> None:
    with connection(server) as client:
        client.sendall(begin)
        received = b""
        with contextlib.suppress(OSError):
            for _ in range(64):
                client.sendall(b"a" * 32_768)
        with contextlib.suppress(ConnectionResetError):
            received = receive_all(client)
    assert received.startswith(b"HTTP/1.1 400 ") or received == b""  # a reset may overtake the answer


def test_a_long_header_is_read(server: Running) -> None:
    head = b"GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX: "
    assert b'"path": "/a"' in exchange(server, head, b"a" * 60_000, b"\r\n\r\n")


@pytest.mark.parametrize("begun", [b"GET / HTTP/1.1\r\nHost: h\r\n", b"POST /a HTTP/1.1\r\n"])
def test_a_header_that_does_not_end_is_refused_in_time(
    server: Running, begun: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "OPENING_TIMEOUT", 0.2)
    assert b"was not complete within" in exchange(server, begun)


def test_a_client_that_says_nothing_within_tls_is_not_waited_for(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    with secure(server) as client:
        pass
    monkeypatch.setattr(module, "OPENING_TIMEOUT", 0.5)
    with secure(server) as client:
        assert b"was not complete within" in receive_all(client)


def test_a_slow_answer_outlives_the_time_for_the_header(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.5)
        await echo(scope, receive, send)

    monkeypatch.setattr(module, "OPENING_TIMEOUT", 0.2)
    with running(authority, app=slow) as server:
        assert requests.get(f"{server.url}/slow", timeout=10).json()["path"] == "/slow"


@pytest.mark.parametrize(
    "garbage",
    [b"\x16\x03\x01\x02\x00\x01", b"\x00" * 100, b"get / http/9\r\n\r\n", b"A" * 5000],
    ids=["TLS", "zeros", "lower case", "endless method"],
)
def test_garbage_is_answered_with_400(server: Running, garbage: bytes) -> None:
    assert exchange(server, garbage).startswith(b"HTTP/1.1 400 ")


def test_a_plain_proxy_request_is_refused_in_clear_terms(server: Running) -> None:
    answer = exchange(server, b"GET http://example.org/ HTTP/1.1\r\nHost: example.org\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 501 ")
    assert b"Unset HTTP_PROXY" in answer


def test_a_client_that_says_nothing_is_let_go(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OPENING_TIMEOUT", 0.05)
    assert exchange(server) == b""
    assert exchange(server, b"CONNECT ") == b""
    with connection(server) as client:
        assert b" 200 " in connect(server, f"{HOST}:443", client)
        assert client.recv(1) == b""  # it never starts TLS


# CONNECT


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("CONNECT sts.amazonaws.com HTTP/1.1", 400),
        ("CONNECT sts.amazonaws.com:0 HTTP/1.1", 400),
        ("CONNECT sts.amazonaws.com:65536 HTTP/1.1", 400),
        ("CONNECT user@host:443 HTTP/1.1", 400),
        ("CONNECT host:443 HTTP/2.0", 400),
        ("CONNECT [fe80::1%eth0]:443 HTTP/1.1", 400),
    ],
)
def test_a_wrong_connect_request_is_answered_with_400(
    server: Running, request_line: str, status: int
) -> None:
    answer = exchange(server, request_line.encode() + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"CONNECT HOST:PORT" in answer or b"Invalid" in answer


def test_an_endless_connect_header_is_refused(server: Running) -> None:
    answer = exchange(server, b"CONNECT host:443 HTTP/1.1\r\n", b"X: " + b"x" * module.HEAD_LIMIT)
    assert answer.startswith(b"HTTP/1.1 431 ")


def test_tls_before_the_answer_is_refused(server: Running) -> None:
    answer = exchange(server, f"CONNECT {HOST}:443 HTTP/1.1\r\n\r\n".encode() + b"\x16\x03\x01")
    assert b"400" in answer and b"Wait for the answer" in answer


# TLS for AWS's hosts


def test_requests_for_aws_hosts_reach_the_application_over_tls(server: Running) -> None:
    proxies = {"https": server.url}
    with requests.Session() as session:
        session.trust_env = False
        for host in (HOST, "bucket.s3.cn-north-1.amazonaws.com.cn"):
            for path in ("/one", "/two"):
                url = f"https://{host}{path}"
                answer = session.post(
                    url, b"body", proxies=proxies, verify=server.authority.ca_bundle, timeout=10
                )
                found = answer.json()
                assert (found["scheme"], found["host"], found["path"], found["size"]) == (
                    "https",
                    host,
                    path,
                    4,
                )


@pytest.mark.parametrize("host", ["STS.US-west-2.AmazonAWS.com", "sts.us-west-2.amazonaws.com."])
def test_the_host_name_is_compared_as_dns_does(server: Running, host: str) -> None:
    with connection(server) as client:
        assert b" 200 " in connect(server, f"{host}:443", client)
        with trusting(server).wrap_socket(client, server_hostname=HOST) as tls:
            assert tls.version() == "TLSv1.3"


def test_botocore_finds_the_server_through_the_proxy(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", server.url)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(server.authority.ca_bundle))
    for name in ("NO_PROXY", "no_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    session = botocore.session.get_session()
    session.set_credentials("AKIDEXAMPLE", "secret")
    client = session.create_client("s3", region_name="us-west-2")
    body = client.get_object(Bucket="bucket", Key="a/b")["Body"].read()
    assert json.loads(body)["host"] == "bucket.s3.us-west-2.amazonaws.com"
    body = b"data" * 1_000_000
    size = int(client.put_object(Bucket="bucket", Key="quiet/k", Body=body)["ETag"].strip('"'))
    assert size > len(body)  # chunk headers and a checksum are around it
    client.close()


def test_a_large_upload_is_held_back_until_the_application_reads(server: Running) -> None:
    size, chunk = 192 << 20, bytes(1 << 20)
    process = psutil.Process()
    before, highest = process.memory_info().rss, 0
    with secure(server) as tls:
        tls.sendall(b"PUT /k HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(size >> 20):
            tls.sendall(chunk)
            highest = max(highest, process.memory_info().rss - before)
        answer = json.loads(
            receive_all(tls).rpartition(b"\r\n0\r\n")[0].partition(b"\r\n\r\n")[2].partition(b"\r\n")[2]
        )
    assert answer["size"] == size
    assert answer["sha256"] == hashlib.sha256(bytes(size)).hexdigest()
    assert highest < 48 << 20


def test_a_large_download_is_held_back_until_the_client_reads(server: Running) -> None:
    process = psutil.Process()
    with secure(server) as tls:
        before = process.memory_info().rss
        tls.sendall(b"GET /download/96 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        threading.Event().wait(0.3)
        assert process.memory_info().rss - before < 48 << 20
        assert len(receive_all(tls)) > 96 << 20


def test_many_connections_at_once(server: Running) -> None:
    answers: list[int] = []

    def ask() -> None:
        with secure(server) as tls:
            tls.sendall(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            answers.append(len(receive_all(tls)))

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 20 and min(answers) > 100


def test_a_client_that_does_not_trust_is_named_in_the_log(
    server: Running, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO), connection(server) as client:
        connect(server, f"{HOST}:443", client)
        context = ssl.create_default_context(cafile=certifi.where())
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # in 1.3 the refusal arrives when the server is done
        with pytest.raises(ssl.SSLCertVerificationError):
            context.wrap_socket(client, server_hostname=HOST)
        server.wait_until_idle()
    assert f"ended the TLS handshake for {HOST}" in caplog.text
    server.complaints.clear()  # uvloop reports the failed handshake to the loop as well


def test_clients_that_vanish_leave_nothing_behind(server: Running) -> None:
    with connection(server) as client:
        client.sendall(b"CONNE")
    with connection(server) as client:
        connect(server, f"{HOST}:443", client)
    with secure(server) as tls:
        tls.sendall(b"PUT / HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf")
    server.wait_until_idle()


def test_the_first_request_may_come_with_the_end_of_the_handshake(server: Running) -> None:
    with connection(server) as client:
        connect(server, f"{HOST}:443", client)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = trusting(server).wrap_bio(incoming, outgoing, server_hostname=HOST)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                client.sendall(outgoing.read())
                incoming.write(client.recv(65536))
        tls.write(b"GET /early HTTP/1.1\r\nHost: h\r\n\r\n")
        client.sendall(outgoing.read())  # the client's Finished and the request, in one segment
        answer = b""
        while b"/early" not in answer:
            incoming.write(client.recv(65536))
            with contextlib.suppress(ssl.SSLWantReadError):
                while data := tls.read():
                    answer += data


# The end


def test_stopping_ends_idle_and_undecided_connections_at_once(authority: Authority) -> None:
    with contextlib.ExitStack() as stack:
        with running(authority) as server:
            plain = stack.enter_context(connection(server))
            half = stack.enter_context(connection(server))
            half.sendall(b"CONN")
            tls = stack.enter_context(secure(server))
            tls.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            assert tls.recv(65536)
            wait_for(lambda: len(server.server.server_state.connections) == 3)
        assert plain.recv(1) == b"" and half.recv(1) == b""
