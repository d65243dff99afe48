"""One round: a peer is started, asked whether it answers as the model does, and loaded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
from benchmarks.serving.peers.figures import Figures, Line, Round
from benchmarks.serving.peers.model import Prepared
from benchmarks.serving.peers.serving import Peer, Serving

from ironworks.bench.connection import ask
from ironworks.bench.load import closed_loop, open_loop
from ironworks.bench.summary import Sample, summarise
from ironworks.errors import IronworksError, PlatformError

TOLERANCE = 1e-5
_OPEN_CLIENTS = 64
_MOST = 200_000
_TIMEOUT = 30.0


def measure(
    peers: Sequence[Peer],
    payloads: Sequence[str],
    model: Prepared,
    clients: Sequence[int],
    rounds: int,
    seconds: float,
    say: Callable[[str], None],
) -> Iterator[list[Line]]:
    """All lines so far, after each step. The peers take turns; one at a time runs.

    A peer that cannot be installed or started, or answers something else than the model, is a line that says so.
    """
    lines = {
        (peer.key, payload): Line(peer.key, peer.name, peer.how, payload)
        for payload in payloads
        for peer in peers
        if payload in peer.payloads
    }
    steps = [(number, peer, payload) for number in range(rounds) for payload in payloads for peer in peers]
    for step, (number, peer, payload) in enumerate(steps, start=1):
        line = lines.get((peer.key, payload))
        if line is None or line.failure:
            continue
        say(f"[{step} of {len(steps)}] round {number + 1}: {peer.name}, {payload}")
        lines[peer.key, payload] = _go_on(line, peer, model, clients, seconds)
        yield list(lines.values())


def _go_on(line: Line, peer: Peer, model: Prepared, clients: Sequence[int], seconds: float) -> Line:
    said = (line.key, line.name, line.how, line.payload)
    try:
        with peer.serve(model, line.payload) as serving:
            one = run(serving, model.scores, clients, seconds)
    except (IronworksError, OSError) as error:
        return Line(*said, failure=str(error))
    return Line(*said, rounds=[*line.rounds, one])


def run(serving: Serving, scores: npt.NDArray[np.float32], clients: Sequence[int], seconds: float) -> Round:
    """Load a server that runs.

    Raises:
        PlatformError: its answer is not the model's.
    """
    difference = _difference(ask(serving.destination(), _TIMEOUT).body, scores)
    if difference > TOLERANCE:
        raise PlatformError(f"Its answer differs from the model's by {difference:.1e}.")
    by_clients = {number: _figures(_closed(serving, number, seconds)) for number in clients}
    rate = max(figures.throughput for figures in by_clients.values()) / 2
    half = open_loop(serving.destination(), _OPEN_CLIENTS, _within(rate * seconds), rate, timeout=_TIMEOUT)
    return Round(by_clients, _figures(half), serving.memory(), difference)


def _difference(body: bytes, scores: npt.NDArray[np.float32]) -> float:
    try:
        answered = np.array(json.loads(body), float).reshape(scores.shape)
    except (ValueError, TypeError):
        return float("inf")
    return float(np.abs(answered - scores).max())


def _closed(serving: Serving, clients: int, seconds: float) -> Sample:
    """As many requests as take about `seconds`, after some that tell how many those are."""
    first = closed_loop(serving.destination(), clients, 50 + 10 * clients, timeout=_TIMEOUT)
    requests = _within(len(first.times) / first.seconds * seconds)
    return closed_loop(serving.destination(), clients, max(requests, 5 * clients), timeout=_TIMEOUT)


def _within(requests: float) -> int:
    return int(min(max(requests, 100), _MOST))


def _figures(sample: Sample) -> Figures:
    found = summarise([sample])
    return Figures(found.p50, found.percentiles[99.0], found.throughput, found.failed)
