"""Requests without end while everything changes: `python -m benchmarks.serving.soak [--requests N] [--clients N]`.

Clients that never try again ask an endpoint through the server. Meanwhile it is updated to another configuration, one
of its processes is killed, and it is brought from one instance to three and back, again and again. No request may fail.
"""

from __future__ import annotations

import argparse
import itertools
import threading
import time

import psutil
from benchmarks.serving.installation import ENDPOINT, Installation, installation
from benchmarks.serving.pool import NUMPY_BINARY, payloads
from benchmarks.serving.routing import Connection, dial, signed
from rich.console import Console
from rich.table import Table

HEADERS = {"content-type": NUMPY_BINARY, "accept": "application/json"}


class Clients:
    """Threads that ask until there have been enough answers."""

    def __init__(self, server: Installation, clients: int, requests: int) -> None:
        self.times: list[float] = []
        self.failures: list[str] = []
        self._requests = requests
        self._address = server.url.partition("//")[2]
        self._request = signed(server, HEADERS, payloads()[NUMPY_BINARY])
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def at_work(self) -> bool:
        """Whether any client is."""
        return any(thread.is_alive() for thread in self._threads)

    def _ask(self) -> None:
        connection = Connection(dial(self._address), self._request)
        while len(self.times) + len(self.failures) < self._requests:
            try:
                self.times.append(connection.ask())
            except (SystemExit, OSError) as error:
                self.failures.append(str(error))
                connection = Connection(dial(self._address), self._request)


def change(server: Installation, clients: Clients) -> dict[str, int]:
    """Change and kill what serves until the clients have enough; answers how often each was done."""
    sagemaker = server.client("sagemaker")
    done = dict.fromkeys(("updates", "kills", "scales"), 0)
    for number in itertools.count():
        if not clients.at_work():
            return done
        server.configure(f"update-{number}", 1)
        sagemaker.update_endpoint(EndpointName=ENDPOINT, EndpointConfigName=f"update-{number}")
        server.wait()
        done["updates"] += 1
        for count in (3, 1):
            _kill_one(server)
            done["kills"] += 1
            desired = {"VariantName": "AllTraffic", "DesiredInstanceCount": count}
            sagemaker.update_endpoint_weights_and_capacities(
                EndpointName=ENDPOINT, DesiredWeightsAndCapacities=[desired]
            )
            server.wait()
            done["scales"] += 1
    raise AssertionError("there are more numbers")


def _kill_one(server: Installation) -> None:
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if "ironworks.serving" in command and command[-1].startswith(str(server.home.sockets)):
            process.kill()
            return


def replacement(server: Installation) -> float:
    """Seconds from the killing of the only instance until the endpoint answers again."""
    runtime = server.client("sagemaker-runtime")
    _kill_one(server)
    began = time.perf_counter()
    runtime.invoke_endpoint(EndpointName=ENDPOINT, Body=payloads()[NUMPY_BINARY], ContentType=NUMPY_BINARY)
    return time.perf_counter() - began


def main() -> None:
    """Print the table; exit with 1 when a request failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=200_000)
    parser.add_argument("--clients", type=int, default=32)
    options = parser.parse_args()
    with installation() as server:
        server.deploy()
        replaced = [replacement(server) for _ in range(5)]
        began = time.perf_counter()
        clients = Clients(server, options.clients, options.requests)
        done = change(server, clients)
        seconds = time.perf_counter() - began
    table = Table("what", "")
    table.add_row(
        "requests answered", f"{len(clients.times):,} by {options.clients} clients in {seconds:,.0f} s"
    )
    table.add_row("failed", f"{len(clients.failures)}")
    table.add_row("longest", f"{max(clients.times):.2f} s")
    for what, count in done.items():
        table.add_row(what, f"{count}")
    table.add_row(
        "kill -9 of the only instance until it answers", f"{sorted(replaced)[2]:.2f} s (median of 5)"
    )
    Console().print(table)
    if clients.failures:
        raise SystemExit(clients.failures[0])


if __name__ == "__main__":
    main()
