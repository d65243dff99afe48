"""What was measured, and the file that it is kept in, so that a run that was broken off can go on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.compiler.cases import Case
from benchmarks.compiler.machine import Machine
from benchmarks.compiler.race import Pace, Result
from benchmarks.compiler.rivals import OURS, OURS_BOUND


@dataclass(frozen=True)
class Line:
    """A case: seconds to compile, what was chosen, the limit in seconds (None for trees), all results."""

    case: Case
    compile_seconds: float
    chosen: str
    limit: float | None
    results: Mapping[str, Result]

    @property
    def ours(self) -> float | None:
        """Seconds of a call of our artifact, the faster of its two ways."""
        return min(filter(None, map(self.seconds, (OURS, OURS_BOUND))), default=None)

    @property
    def best_rival(self) -> tuple[str, float] | None:
        """The fastest of the others that answer what we answer, and its seconds."""
        times = {
            name: result.seconds
            for name, result in self.results.items()
            if name not in (OURS, OURS_BOUND) and result.counts and result.seconds is not None
        }
        return min(times.items(), key=lambda item: item[1]) if times else None

    @property
    def ratio(self) -> float | None:
        """How many times the artifact is faster than the best of the others."""
        return self.best_rival[1] / self.ours if self.best_rival and self.ours else None

    def seconds(self, library: str) -> float | None:
        """Of a call, if the library ran and its answer counts."""
        result = self.results.get(library)
        return result.seconds if result and result.counts else None

    def ratio_to(self, library: str) -> float | None:
        """How many times the artifact is faster than `library`, both with answers in new arrays."""
        theirs, ours = self.seconds(library), self.seconds(OURS)
        return theirs / ours if theirs and ours else None


@dataclass(frozen=True)
class Session:
    """What all lines of a table have in common."""

    date: str
    processor: str
    machine: Machine
    versions: Mapping[str, str]
    libraries: Sequence[str]
    pace: Pace

    def changed(self, other: Session) -> list[str]:
        """In what a run differs whose figures must not stand beside these; the date and the load may."""
        before, now = asdict(self), asdict(other)
        return [name for name in before if name not in ("date", "machine") and before[name] != now[name]]


class OtherSession(Exception):
    """A file holds figures that were measured otherwise."""


def write(path: Path, session: Session, lines: Sequence[Line]) -> None:
    """Write all so far; a crash leaves the file of before."""
    document = {"session": asdict(session), "lines": [asdict(line) for line in lines]}
    new = path.with_suffix(".new")
    new.parent.mkdir(parents=True, exist_ok=True)
    new.write_text(json.dumps(document, indent=1) + "\n")
    new.replace(path)


def read(path: Path) -> tuple[Session, list[Line]]:
    """What `write` has written."""
    document = json.loads(path.read_text())
    session = document["session"]
    kept = Session(**session | {"machine": Machine(**session["machine"]), "pace": Pace(**session["pace"])})
    lines = [
        Line(
            **line
            | {
                "case": Case(**line["case"]),
                "results": {name: Result(**result) for name, result in line["results"].items()},
            }
        )
        for line in document["lines"]
    ]
    return kept, lines


def resume(path: Path, now: Session) -> tuple[Session, list[Line]]:
    """The session and lines of before, which a run on the same machine with the same code goes on with.

    Raises:
        OtherSession: processor, versions, libraries or pace are other ones now.
    """
    session, lines = read(path)
    changed = session.changed(now)
    if changed:
        raise OtherSession(
            f"The figures in {path} were measured with other {' and '.join(changed)}. Delete the file, or give "
            "another with --json."
        )
    return session, lines
