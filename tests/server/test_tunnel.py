import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

import psutil
import pytest

from ironworks.server import tunnel as module
from ironworks.server.authority import Authority
from ironworks.server.gateway import Gateway, Refusal
from ironworks.server.tunnel import UpstreamProxy
from tests.server.running import Running, running, wait_for

Service = Callable[[socket.socket], None]


@contextlib.contextmanager
def destination(service: Service) -> Iterator[str]:
    """A server of one connection; the value is its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def serve() -> None:
            accepted, _ = listener.accept()
            with accepted:
                accepted.settimeout(10)
                service(accepted)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            thread.join(10)
            assert not thread.is_alive()


@contextlib.contextmanager
def tunnel(server: Running, target: str, early: bytes = b"") -> Iterator[tuple[socket.socket, bytes]]:
    """A connection that asked for a tunnel, and the head of the answer."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(f"CONNECT {target} HTTP/1.1\r\n\r\n".encode() + early)
        head = bytearray()
        while not head.endswith(b"\r\n\r\n"):
            data = client.recv(1)
            assert data, head
            head += data
        yield client, bytes(head)


def receive_all(connection: socket.socket) -> bytes:
    received = bytearray()
    while data := connection.recv(65536):
        received += data
    return bytes(received)


def reverse(connection: socket.socket) -> None:
    """Read to the end, then answer: needs half-close."""
    connection.sendall(receive_all(connection)[::-1])


def test_bytes_go_both_ways_after_one_side_has_ended(server: Running) -> None:
    with destination(reverse) as target, tunnel(server, target) as (client, head):
        assert head.startswith(b"HTTP/1.1 200 ")
        client.sendall(b"abc")
        client.shutdown(socket.SHUT_WR)
        assert receive_all(client) == b"cba"


def test_what_either_side_says_early_is_kept(server: Running) -> None:
    def greet(connection: socket.socket) -> None:
        connection.sendall(b"220 ready\r\n")
        reverse(connection)

    with destination(greet) as target, tunnel(server, target, early=b"early ") as (client, _):
        client.sendall(b"late")
        client.shutdown(socket.SHUT_WR)
        assert receive_all(client) == b"220 ready\r\n" + b"early late"[::-1]


def test_a_destination_that_ends_first_is_passed_on(server: Running) -> None:
    with (
        destination(lambda connection: connection.sendall(b"bye")) as target,
        tunnel(server, target) as (client, _),
    ):
        assert receive_all(client) == b"bye"


def test_a_slow_receiver_holds_the_sender_back(server: Running) -> None:
    proceed = threading.Event()
    received: list[int] = []

    def slow(connection: socket.socket) -> None:
        proceed.wait(10)
        received.append(len(receive_all(connection)))

    process, sent = psutil.Process(), 0
    with destination(slow) as target, tunnel(server, target) as (client, _):
        before = process.memory_info().rss
        client.settimeout(0.3)
        with contextlib.suppress(TimeoutError):
            while sent < 512 << 20:
                sent += client.send(bytes(1 << 18))
        assert sent < 64 << 20
        assert process.memory_info().rss - before < 32 << 20
        proceed.set()
        client.shutdown(socket.SHUT_WR)
        client.settimeout(10)
        assert receive_all(client) == b""
    assert received == [sent]


def test_a_client_that_vanishes_ends_the_tunnel(server: Running) -> None:
    ended = threading.Event()

    def wait(connection: socket.socket) -> None:
        with contextlib.suppress(ConnectionResetError):
            receive_all(connection)
        ended.set()

    with destination(wait) as target:
        with tunnel(server, target):
            pass
        assert ended.wait(10)


def test_stopping_the_server_closes_tunnels(authority: Authority) -> None:
    with destination(lambda connection: connection.recv(1)) as target, contextlib.ExitStack() as stack:
        with running(authority) as server:
            client, _ = stack.enter_context(tunnel(server, target))
        assert client.recv(1) == b""


def test_a_defect_ends_the_connection_and_is_logged(
    server: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Gateway, "_check_destination", None)
    with (
        destination(lambda connection: None) as target,
        socket.create_connection(("127.0.0.1", server.port), timeout=10) as client,
    ):
        client.sendall(f"CONNECT {target} HTTP/1.1\r\n\r\n".encode())
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(1) == b""
    assert "A connection to the gateway failed" in caplog.text


def test_a_closed_port_is_a_bad_gateway(server: Running) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        target = f"127.0.0.1:{listener.getsockname()[1]}"
    with tunnel(server, target) as (client, head):
        assert head.startswith(b"HTTP/1.1 502 ")
        assert f"{target} cannot be reached".encode() in receive_all(client)


def test_an_unknown_host_is_a_bad_gateway(server: Running) -> None:
    with tunnel(server, "no-such-host.invalid:443") as (client, head):
        assert head.startswith(b"HTTP/1.1 502 ")
        assert b"no-such-host.invalid:443 cannot be reached" in receive_all(client)


def test_a_host_that_does_not_answer_is_a_gateway_timeout(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CONNECT_TIMEOUT", 0.05)
    with full_listener() as target, tunnel(server, target) as (client, head):
        assert head.startswith(b"HTTP/1.1 504 ")
        assert b"did not answer within" in receive_all(client)


@contextlib.contextmanager
def full_listener() -> Iterator[str]:
    """The address of a server whose queue is full: the kernel drops further attempts."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def test_a_client_may_give_up_while_the_destination_is_dialled(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CONNECT_TIMEOUT", 5.0)
    with full_listener() as target, contextlib.ExitStack() as stack:
        with running(authority) as server:
            client = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10))
            client.sendall(f"CONNECT {target} HTTP/1.1\r\n\r\n".encode())
            wait_for(lambda: len(server.server.server_state.tasks) == 1)
        assert client.recv(1) == b""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_tunnel_to_the_server_itself_is_refused(server: Running, host: str) -> None:
    with tunnel(server, f"{host}:{server.port}") as (client, head):
        assert head.startswith(b"HTTP/1.1 403 ")
        assert b"is this server" in receive_all(client)


@pytest.mark.parametrize(
    ("address", "admitted"),
    [("127.0.0.1", True), ("::1", True), ("::ffff:127.0.0.1", True), ("10.1.2.3", False)],
)
def test_tunnels_are_for_clients_of_this_machine(authority: Authority, address: str, admitted: bool) -> None:
    class Transport:
        def get_extra_info(self, name: str) -> tuple[str, int]:
            return (address, 5000)

    gateway = Gateway.__new__(Gateway)
    gateway.transport = Transport()  # type: ignore[assignment]
    if admitted:
        gateway._admit()
    else:
        with pytest.raises(Refusal, match=r"not for 10\.1\.2\.3") as refused:
            gateway._admit()
        assert refused.value.status == 403


# Through another proxy


def proxied(
    authority: Authority, server: Running, **environ: str
) -> contextlib.AbstractContextManager[Running]:
    """A server that reaches others through `server`."""
    proxy = UpstreamProxy.from_environment({"HTTPS_PROXY": server.url, **environ})
    return running(authority, proxy)


def test_a_tunnel_goes_through_the_proxy_of_the_machine(authority: Authority, server: Running) -> None:
    with (
        proxied(authority, server) as near,
        destination(reverse) as target,
        tunnel(near, target, early=b"abc") as (client, head),
    ):
        assert head.startswith(b"HTTP/1.1 200 ")
        wait_for(lambda: len(server.server.server_state.connections) == 2)
        client.shutdown(socket.SHUT_WR)
        assert receive_all(client) == b"cba"


def test_hosts_of_no_proxy_are_reached_directly(authority: Authority, server: Running) -> None:
    with (
        proxied(authority, server, NO_PROXY="127.0.0.1") as near,
        destination(reverse) as target,
        tunnel(near, target) as (client, _),
    ):
        assert not server.server.server_state.connections
        client.shutdown(socket.SHUT_WR)
        assert receive_all(client) == b""


def test_a_refusal_of_the_proxy_is_reported(authority: Authority, server: Running) -> None:
    with proxied(authority, server) as near, tunnel(near, f"127.0.0.1:{server.port}") as (client, head):
        assert head.startswith(b"HTTP/1.1 502 ")
        answer = receive_all(client)
        assert b"through the proxy" in answer and b"403 Forbidden" in answer


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n" + b"x" * 20_000, b"220 smtp\r\n\r\n"])
def test_a_proxy_that_is_none_is_a_bad_gateway(authority: Authority, answer: bytes) -> None:
    def strange(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(answer)

    with destination(strange) as address:
        proxy = UpstreamProxy.from_environment({"HTTPS_PROXY": address})
        with running(authority, proxy) as near, tunnel(near, "example.org:443") as (_, head):
            assert head.startswith(b"HTTP/1.1 502 ")


def test_a_proxy_may_ask_for_tls_and_a_password(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests: list[bytes] = []
    context = authority.context_for("proxy.amazonaws.com")
    trusting = ssl.create_default_context(cafile=str(authority.ca_bundle))
    trusting.check_hostname = False  # the name of the certificate cannot be resolved here
    monkeypatch.setattr(ssl, "create_default_context", lambda: trusting)

    def secure_proxy(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as tls:
            requests.append(tls.recv(1000))
            tls.sendall(b"HTTP/1.1 200 OK\r\n\r\nhello")

    with destination(secure_proxy) as address:
        proxy = UpstreamProxy.from_environment({"https_proxy": f"https://me:s%40crt@{address}"})
        with running(authority, proxy) as near, tunnel(near, "[2001:db8::1]:22") as (client, _):
            assert receive_all(client) == b"hello"
    assert requests == [
        b"CONNECT [2001:db8::1]:22 HTTP/1.1\r\nHost: [2001:db8::1]:22\r\n"
        b"Proxy-Authorization: Basic bWU6c0BjcnQ=\r\n\r\n"
    ]


@pytest.mark.parametrize("url", ["socks5://127.0.0.1:1080", "http://"])
def test_a_proxy_of_another_kind_is_named(url: str) -> None:
    with pytest.raises(ValueError, match="HTTPS_PROXY=.* is not"):
        UpstreamProxy.from_environment({"HTTPS_PROXY": url})


def test_no_proxy_at_all() -> None:
    assert UpstreamProxy.from_environment({"HTTPS_PROXY": ""}) is None
