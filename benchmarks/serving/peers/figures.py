"""What was measured, and the file that it is kept in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median


@dataclass(frozen=True)
class Figures:
    """Of one load: microseconds, requests a second, failed requests."""

    p50: float
    p99: float
    throughput: float
    failed: int


@dataclass(frozen=True)
class Round:
    """One start of a peer with one payload.

    Attributes:
        by_clients: a closed loop of each number of clients.
        half: an open loop of half the highest throughput.
        memory: resident bytes after the loads.
        difference: the largest of an answer's scores from the model's.
    """

    by_clients: Mapping[int, Figures]
    half: Figures
    memory: int
    difference: float


@dataclass(frozen=True)
class Line:
    """A peer with a payload: its rounds, or why there are none."""

    key: str
    name: str
    how: str
    payload: str
    rounds: Sequence[Round] = ()
    failure: str = ""

    def median(self, figure: Callable[[Round], float]) -> float | None:
        """Of a figure over the rounds."""
        return median(map(figure, self.rounds)) if self.rounds else None

    def p50(self, clients: int) -> float | None:
        """Microseconds, with a number of clients."""
        return self.median(lambda one: one.by_clients[clients].p50)

    def throughput(self, clients: int) -> float | None:
        """Requests a second, with a number of clients."""
        return self.median(lambda one: one.by_clients[clients].throughput)

    @property
    def failed(self) -> int:
        """Requests without a good answer, over all rounds."""
        loads = [load for one in self.rounds for load in (*one.by_clients.values(), one.half)]
        return sum(load.failed for load in loads)


@dataclass(frozen=True)
class Session:
    """What all lines have in common; `floor` is the load generator's own p50 in microseconds."""

    date: str
    processor: str
    clients: Sequence[int]
    rounds: int
    seconds: float
    floor: float
    versions: Mapping[str, str] = field(default_factory=dict)


def write(path: Path, session: Session, lines: Sequence[Line]) -> None:
    """Write all so far; a crash leaves the file of before."""
    document = {"session": asdict(session), "lines": [asdict(line) for line in lines]}
    new = path.with_suffix(".new")
    new.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    new.replace(path)


def read(path: Path) -> tuple[Session, list[Line]]:
    """What `write` has written."""
    document = json.loads(path.read_text())
    lines = [
        Line(**{**line, "rounds": [_round(one) for one in line["rounds"]]}) for line in document["lines"]
    ]
    return Session(**document["session"]), lines


def _round(document: dict) -> Round:
    loads = {int(clients): Figures(**load) for clients, load in document["by_clients"].items()}
    return Round(**{**document, "by_clients": loads, "half": Figures(**document["half"])})
