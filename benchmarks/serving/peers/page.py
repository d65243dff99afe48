"""The section of `docs/benchmarks.md`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.serving.peers.figures import Line, Session
from benchmarks.serving.peers.summary import bars

SECTION = "serving"
IMAGES = ("serving-light.png", "serving-dark.png")

_INTRODUCTION = """# Benchmarks of serving

`python -m benchmarks.serving --write` measured this and wrote this section. The notebook's network (784-128-64-10,
trained for an epoch) and one digit go through Ironworks and through the servers that one would pick instead:
compiled in ours, ONNX Runtime with one thread in theirs, MXNet's Module in Flask. npy is read with `np.load`,
JSON with `json.loads`, as one does by hand. Each server is the only one that runs; they take turns for
{rounds} rounds, each with a fresh start, and the figures are medians of the rounds. Every server's answer is equal
to the model's within 1e-5, or it is not in the tables.

The load generator has one thread, and shares the machine's cores with the server. It takes {floor:.0f} µs of each
time (p50 against a server that does nothing). *Half load* is an open loop of half the highest throughput that the
server reached in the round, with times that count from when a request was due. *Memory* is the resident memory of
all processes together, pages that they share counted in each. Both scales of the picture are logarithmic.
"""


def section(session: Session, lines: Sequence[Line]) -> str:
    """All of it, in Markdown."""
    light, dark = IMAGES
    parts = [
        _INTRODUCTION.format(rounds=session.rounds, floor=session.floor),
        '<picture><source media="(prefers-color-scheme: dark)" '
        f'srcset="images/{dark}"><img alt="p50 of one client and throughput, server by server" '
        f'src="images/{light}"></picture>',
        "",
        *_bars(session, lines),
    ]
    for payload in dict.fromkeys(line.payload for line in lines):
        rows = [line for line in lines if line.payload == payload]
        parts += [f"## Payload {payload}", "", *_table(session, rows), *_failures(rows), ""]
    return "\n".join([*parts, *_settings(session, lines)])


def _bars(session: Session, lines: Sequence[Line]) -> list[str]:
    rows = [
        (bar.what, bar.wanted, bar.measured, "yes" if bar.holds else "**no**")
        for bar in bars(lines, session.clients)
    ]
    return [*_rows(("what", "bar", "measured", "holds"), rows), ""] if rows else []


def _table(session: Session, lines: Sequence[Line]) -> list[str]:
    head = ["server"]
    for number in session.clients:
        clients = f"{number} client{'s' if number > 1 else ''}"
        head += [f"{clients}: p50", "p99", "requests/s"]
    head += ["half load: p99 / p50", "memory", "failed"]
    measured = [line for line in lines if line.rounds]
    return _rows(head, [_row(session, line) for line in measured])


def _row(session: Session, line: Line) -> list[str]:
    cells = [line.name]
    for number in session.clients:
        p99 = line.median(lambda one, number=number: one.by_clients[number].p99)  # type: ignore[misc]
        cells += [_time(line.p50(number)), _time(p99), f"{line.throughput(number) or 0:,.0f}"]
    tail = line.median(lambda one: one.half.p99 / one.half.p50) or 0
    memory = (line.median(lambda one: one.memory) or 0) / 1e6
    return [*cells, f"{tail:.1f}", f"{memory:,.0f} MB", f"{line.failed:,}"]


def _failures(lines: Sequence[Line]) -> list[str]:
    # The last line is the error; those before it name files of the machine.
    failed = [
        f"* {line.name} was not measured: {line.failure.rpartition(' / ')[2].strip()}"
        for line in lines
        if line.failure
    ]
    return ["", *failed] if failed else []


def _settings(session: Session, lines: Sequence[Line]) -> list[str]:
    hows = {line.name: line.how for line in lines}
    versions = ", ".join(f"{name} {version}" for name, version in session.versions.items())
    return [
        "## How it was measured",
        "",
        *_rows(
            ("", ""),
            [
                ("date", session.date),
                ("processor", session.processor),
                ("versions", versions),
                *hows.items(),
            ],
        ),
    ]


def _rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    cells = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in cells]


def _time(microseconds: float | None) -> str:
    if microseconds is None:
        return "–"
    return f"{microseconds:,.0f} µs" if microseconds < 10_000 else f"{microseconds / 1000:,.0f} ms"
