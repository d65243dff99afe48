"""What the way through the server adds to the way to the instance: `python -m benchmarks.serving.routing`.

One client on one kept connection, without an SDK: the request is signed once and sent over and over. It goes in turn
straight to the instance and, as InvokeEndpoint, through the server, which verifies the signature each time.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from benchmarks.serving.installation import ENDPOINT, REGION, Installation, installation
from benchmarks.serving.pool import NUMPY_BINARY, payloads
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from rich.console import Console
from rich.table import Table

BLOCK = 200
"""Requests that one way is measured with before it is the other's turn."""


class Connection:
    """A kept connection that sends the same request again and again and reads the answer's length."""

    def __init__(self, connected: socket.socket, request: bytes) -> None:
        self.socket = connected
        self.request = request

    def ask(self) -> float:
        """Seconds until the whole answer was there."""
        began = time.perf_counter()
        self.socket.sendall(self.request)
        received = self.socket.recv(65536)
        while (end := received.find(b"\r\n\r\n")) < 0 or len(received) < end + 4 + _length(received[:end]):
            received += self.socket.recv(65536)
        seconds = time.perf_counter() - began
        if not received.startswith(b"HTTP/1.1 200"):
            raise SystemExit(received.decode(errors="replace"))
        return seconds


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])


def request(path: str, headers: dict[str, str], body: bytes) -> bytes:
    """A POST as it is sent."""
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "\r\n"]).encode() + body


def signed(server: Installation, headers: dict[str, str], body: bytes) -> bytes:
    """InvokeEndpoint, signed as an SDK does."""
    url = f"{server.url}/endpoints/{ENDPOINT}/invocations"
    aws = AWSRequest("POST", url, headers={**headers, "host": urlsplit(url).netloc}, data=body)
    credentials = Credentials(server.keys.access_key_id, server.keys.secret_access_key)
    SigV4Auth(credentials, "sagemaker", REGION).add_auth(aws)
    return request(urlsplit(url).path, dict(aws.headers), body)


def connections(server: Installation) -> dict[str, Connection]:
    """The ways to compare."""
    body = payloads()[NUMPY_BINARY]
    headers = {"content-type": NUMPY_BINARY, "accept": "application/json"}
    access = server.client("ironworks").describe_endpoint_access(EndpointName=ENDPOINT)
    address = urlsplit(access["Variants"][0]["Url"])
    bearer = {"host": address.netloc, "authorization": f"Bearer {access['Token']}", **headers}
    return {
        "direct address": Connection(dial(address.netloc), request("/invocations", bearer, body)),
        "through the server": Connection(dial(urlsplit(server.url).netloc), signed(server, headers, body)),
    }


def dial(address: str) -> socket.socket:
    """A connection to `HOST:PORT`."""
    host, _, port = address.rpartition(":")
    connected = socket.create_connection((host, int(port)))
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connected


def measure(ways: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Microseconds of each request, the ways in turn; the first round of each is not counted."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for index in range(rounds + 1):
        for name, ask in ways.items():
            block = [ask() * 1e6 for _ in range(BLOCK)]
            if index:
                times[name] += block
    return times


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help=f"of {BLOCK} requests each way")
    rounds = parser.parse_args().rounds
    with installation() as server:
        server.deploy()
        times = measure({name: way.ask for name, way in connections(server).items()}, rounds)
    table = Table("way", "p50 µs", "p90 µs", "p99 µs")
    for name, values in times.items():
        steps = statistics.quantiles(values, n=100)
        table.add_row(name, *(f"{steps[percent - 1]:,.0f}" for percent in (50, 90, 99)))
    direct, routed = (statistics.median(values) for values in times.values())
    table.add_row("added by the server", f"{routed - direct:,.0f}", "", "")
    Console().print(table)


if __name__ == "__main__":
    main()
