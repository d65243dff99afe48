"""Which of the project's bars hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.serving.peers.figures import Line

_OURS = ("direct", "hooks", "server")
_INSTANCE_MEGABYTES = 70.0
_ADDED_MILLISECONDS = 0.25
_TAIL = 3.0


@dataclass(frozen=True)
class Bar:
    """One bar of the project, what was measured, and whether it holds."""

    what: str
    wanted: str
    measured: str
    holds: bool


def bars(lines: Sequence[Line], clients: Sequence[int]) -> list[Bar]:
    """Those that the lines say something of; all are of npy."""
    found = {line.key: line for line in lines if line.payload == "npy" and line.rounds}
    return [
        *_latencies(found, clients),
        *_throughputs(found, clients),
        *_tails(found),
        *_router(found, clients),
        *_memory(found),
    ]


def _latencies(lines: dict[str, Line], clients: Sequence[int]) -> Iterator[Bar]:
    if 1 not in clients:
        return
    for key, least, others in (
        ("hooks", 5.0, ("flask", "gunicorn")),
        ("direct", 10.0, ("flask", "gunicorn")),
        ("direct", 3.0, ("fastapi", "fastapi2")),
        ("direct", 2.0, ("asgi", "asgi2")),
        ("direct", 8.0, ("litserve",)),
    ):
        theirs = {lines[other].name: lines[other].p50(1) for other in others if other in lines}
        if key not in lines or not theirs:
            continue
        name = min(theirs, key=lambda other: theirs[other] or 0.0)
        ratio = (theirs[name] or 0.0) / (lines[key].p50(1) or 1.0)
        what = f"p50, 1 client: {lines[key].name}, against {name}"
        yield Bar(what, f"≥ {least:g} × lower", f"{ratio:.1f} × lower", ratio >= least)


def _throughputs(lines: dict[str, Line], clients: Sequence[int]) -> Iterator[Bar]:
    others = [line for key, line in lines.items() if key not in _OURS]
    if "direct" not in lines or not others:
        return
    for number in clients:
        if number == 1:
            continue
        best = max(others, key=lambda line: line.throughput(number) or 0.0)
        ratio = (lines["direct"].throughput(number) or 0.0) / (best.throughput(number) or 1.0)
        what = f"throughput, {number} clients, against the best peer ({best.name})"
        yield Bar(what, "≥ 2 ×", f"{ratio:.1f} ×", ratio >= 2)


def _tails(lines: dict[str, Line]) -> Iterator[Bar]:
    for key in ("direct", "hooks"):
        if key in lines:
            ratio = lines[key].median(lambda one: one.half.p99 / one.half.p50) or 0.0
            what = f"p99 / p50 at half of the saturating rate: {lines[key].name}"
            yield Bar(what, f"≤ {_TAIL:g}", f"{ratio:.1f}", ratio <= _TAIL)


def _router(lines: dict[str, Line], clients: Sequence[int]) -> Iterator[Bar]:
    if 1 in clients and {"server", "direct"} <= lines.keys():
        added = ((lines["server"].p50(1) or 0.0) - (lines["direct"].p50(1) or 0.0)) / 1000
        what = "added by the server over the direct address, p50, 1 client"
        yield Bar(what, f"≤ {_ADDED_MILLISECONDS:g} ms", f"{added:.2f} ms", added <= _ADDED_MILLISECONDS)


def _memory(lines: dict[str, Line]) -> Iterator[Bar]:
    if "hooks" in lines:
        megabytes = (lines["hooks"].median(lambda one: one.memory) or 0.0) / 1e6
        what = "memory of an instance, with the notebook's hooks"
        yield Bar(
            what,
            f"≤ {_INSTANCE_MEGABYTES:g} MB",
            f"{megabytes:.0f} MB",
            megabytes <= _INSTANCE_MEGABYTES,
        )
