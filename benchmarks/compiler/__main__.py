"""The zoo against every library that takes a model: `python -m benchmarks.compiler`.

Each model is compiled for this machine, and the artifact is run against the libraries of `requirements.txt`
on the same input, in turn; the figures are medians. The libraries are installed at the first call, in an
environment below `IRONWORKS_CACHE` (or `.cache`). With `--json` the figures are kept as they come, and a
run that was broken off goes on. With `--write` they become docs/benchmarks.md and its picture.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from time import monotonic

from benchmarks.compiler import figures
from benchmarks.compiler.cases import MODELS, WHOLE, Case, minutes_left, plan
from benchmarks.compiler.environment import ROOT, prepare, processor, versions
from benchmarks.compiler.figures import Line, OtherSession, Session
from benchmarks.compiler.machine import measure
from benchmarks.compiler.page import page
from benchmarks.compiler.preparation import Prepared, prepared
from benchmarks.compiler.race import Pace, Result, Runner, race
from benchmarks.compiler.rivals import LIBRARIES, OURS, OURS_BOUND
from benchmarks.compiler.summary import describe, summary
from benchmarks.sections import write_section


def main() -> None:
    """Measure, print, and write what was asked for."""
    arguments = _arguments()
    python = prepare()
    session, lines = _begin(arguments, python)
    cases = plan(arguments.model, arguments.batch, arguments.threads)
    done = {line.case for line in lines}
    left = [case for case in cases if case not in done]
    start = monotonic()
    for finished, case in enumerate(left, start=1):
        with prepared(case, python) as model:
            lines.append(_run(case, model, session, python, arguments.library))
        print(describe(lines[-1]), flush=True)
        _progress(len(done) + finished, cases, left, finished, monotonic() - start)
        if arguments.json:
            figures.write(arguments.json, session, lines)
    ordered = [line for case in cases for line in lines if line.case == case]
    print(summary(ordered))
    if arguments.write:
        write(session, ordered, ROOT / "docs", python)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [*dict.fromkeys(name for libraries in LIBRARIES.values() for name in libraries)]
    numbers = lambda text: [int(part) for part in text.split(",")]  # noqa: E731
    pace = Pace()
    parser.add_argument(
        "--model", nargs="*", default=list(MODELS), choices=MODELS, help="which (default: all)"
    )
    parser.add_argument("--batch", type=numbers, default=WHOLE[0], help="sizes, by commas (default: 1,32)")
    parser.add_argument("--threads", type=numbers, default=WHOLE[1], help="by commas (default: 1,2)")
    parser.add_argument(
        "--rounds", type=int, default=pace.rounds, help="of each library (default: %(default)s)"
    )
    parser.add_argument(
        "--seconds", type=float, default=pace.seconds, help="of a round (default: %(default)s)"
    )
    parser.add_argument(
        "--case-seconds",
        type=float,
        default=pace.case_seconds,
        help="after which a case gets no more rounds than three (default: %(default)s)",
    )
    parser.add_argument("--library", nargs="*", default=names, choices=names, help="which (default: all)")
    parser.add_argument("--json", type=Path, help="keep the figures in this file, and go on with those in it")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md and its picture")
    return parser.parse_args()


def _begin(arguments: argparse.Namespace, python: Path) -> tuple[Session, list[Line]]:
    pace = Pace(arguments.rounds, arguments.seconds, arguments.case_seconds)
    libraries = sorted(arguments.library)
    session = Session(date.today().isoformat(), processor(), measure(), versions(python), libraries, pace)
    if arguments.json and arguments.json.exists():
        try:
            return figures.resume(arguments.json, session)
        except OtherSession as error:
            sys.exit(str(error))
    return session, []


def _run(case: Case, model: Prepared, session: Session, python: Path, wanted: Sequence[str]) -> Line:
    limit = session.machine.limit(model.work, case.threads)
    if model.failure:
        return Line(case, 0.0, "", limit, {OURS: Result(None, None, model.failure)})
    runners = [
        Runner(
            library, place, Path(sys.executable) if library in (OURS, OURS_BOUND) else python, model.folder
        )
        for library, place in LIBRARIES[MODELS[case.model].kind].items()
        if library in {OURS, OURS_BOUND, *wanted}
    ]
    results = race(runners, case.threads, session.pace)
    return Line(case, model.compile_seconds, model.chosen, limit, results)


def _progress(
    number: int, cases: Sequence[Case], left: Sequence[Case], finished: int, elapsed: float
) -> None:
    minutes = minutes_left(elapsed, left[:finished], left[finished:])
    text = f"[{number} of {len(cases)}; {elapsed / 60:.1f} min so far, about {minutes:.0f} min left]"
    print(text, file=sys.stderr, flush=True)


def write(session: Session, lines: Sequence[Line], docs: Path, python: Path) -> None:
    """Write the section of the page and its picture below `docs`; `python` has matplotlib."""
    images = docs / "images"
    images.mkdir(parents=True, exist_ok=True)
    write_section(docs / "benchmarks.md", "compiler", page(session, lines))
    points = [
        {
            "model": line.case.model,
            "batch": line.case.batch,
            "threads": line.case.threads,
            "ratio": line.ratio,
        }
        for line in lines
        if line.ratio
    ]
    command = [
        str(python),
        "-m",
        "benchmarks.compiler.plot",
        *(str(images / f"compiler.{e}") for e in ("svg", "png")),
    ]
    subprocess.run(command, input=json.dumps(points), text=True, check=True, cwd=ROOT)


if __name__ == "__main__":
    main()
