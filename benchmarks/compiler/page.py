"""Writes `docs/benchmarks.md`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.compiler.agreement import TOLERANCE
from benchmarks.compiler.cases import MODELS, WHOLE, plan
from benchmarks.compiler.figures import Line, Session
from benchmarks.compiler.rivals import OURS
from benchmarks.compiler.summary import bars, overall

_INTRODUCTION = """# Benchmarks of the compiler

`python -m benchmarks.compiler --write` measured this and wrote this page. Each model is compiled for this
machine; the artifact and every library run the same input, each in a process of its own, in turn. Times are
medians of calls from Python, in µs.

* *faster*: the best rival's time by ours. Some libraries have two ways to run a model: answers in new arrays, or
  (*bound*) in memory of the caller; the faster one counts, of ours too.
* *limit*: the least that a run can take: its multiplications at the peak of as many cores, or its weights read
  once from the cache that they fit in. Winograd's convolutions and skipped zeros go below it.
* *differs*: the largest difference from our answer, by the output's largest value, of the libraries that count.
  One that differs by more than {tolerance:.0e} is marked ‡ and does not count.

Networks have the published shapes and random weights; ensembles are trained on 30 random features. The images of
*MLP, digits* are the first of MNIST's test set. Images and rows of ensembles change from call to call, so that a
processor does not learn its branches by heart.

![How many times faster than the best rival, case by case](images/compiler.svg)
"""


def page(session: Session, lines: Sequence[Line]) -> str:
    """The page, in Markdown."""
    families = dict.fromkeys(MODELS[line.case.model].family for line in lines)
    parts = [_INTRODUCTION.format(tolerance=TOLERANCE), overall(lines), "", *_missing(lines)]
    parts += [*_bars(lines), *_machine(session)]
    for family in families:
        rows = [line for line in lines if MODELS[line.case.model].family == family]
        parts += [f"## {family}", *_table(rows), *_left_out(rows)]
    return "\n".join(parts).rstrip() + "\n"


def _missing(lines: Sequence[Line]) -> list[str]:
    """The cases of the whole zoo that this run has not measured."""
    measured = {line.case for line in lines}
    missing = [case.title for case in plan(list(MODELS), *WHOLE) if case not in measured]
    return [f"Not measured in this run: {'; '.join(missing)}.", ""] if missing else []


def _bars(lines: Sequence[Line]) -> list[str]:
    rows = [(bar.what, bar.wanted, bar.measured, "yes" if bar.holds else "**no**") for bar in bars(lines)]
    return [*_rows(("what", "bar", "measured", "holds"), rows), ""] if rows else []


def _machine(session: Session) -> list[str]:
    machine = session.machine
    rates = [f"{level} {rate / 1e9:,.0f} GB/s" for level, rate in machine.bandwidth.items()]
    sizes = [f"{level} {size / 1024:,.0f} KiB" for level, size in machine.caches.items()]
    rows = [
        ("date", session.date),
        ("processor", session.processor),
        ("one core, measured", f"{machine.flops / 1e9:,.0f} GFLOP/s in float32; reads {', '.join(rates)}"),
        ("caches", ", ".join(sizes)),
        ("versions", ", ".join(f"{name} {version}" for name, version in session.versions.items())),
    ]
    return ["## The machine", *_rows(("", ""), rows), ""]


def _table(lines: Sequence[Line]) -> list[str]:
    libraries = list(dict.fromkeys([OURS, *(name for line in lines for name in line.results)]))
    head = ("model", "batch", "threads", *libraries, "faster", "chosen", "compiled in, s")
    return [
        *_rows((*head, "limit", "of the limit", "differs"), [_row(line, libraries) for line in lines]),
        "",
    ]


def _row(line: Line, libraries: Sequence[str]) -> tuple[str, ...]:
    case = line.case
    fastest = min((line.seconds(name) or float("inf") for name in libraries), default=0.0)
    differences = [
        result.difference
        for result in line.results.values()
        if result.counts and result.difference is not None
    ]
    return (
        *(case.model, str(case.batch), str(case.threads)),
        *(_time(line, name, fastest) for name in libraries),
        f"{line.ratio:.2f} ×" if line.ratio else "–",
        line.chosen or "–",
        f"{line.compile_seconds:.1f}",
        _microseconds(line.limit) if line.limit else "–",
        f"{line.limit / line.ours:.0%}" if line.limit and line.ours else "–",
        f"{max(differences):.0e}" if differences else "–",
    )


def _time(line: Line, name: str, fastest: float) -> str:
    result = line.results.get(name)
    if result is None or result.seconds is None:
        return "–"
    text = _microseconds(result.seconds)
    if not result.counts:
        return f"{text} ‡"
    return f"**{text}**" if result.seconds == fastest else text


def _microseconds(seconds: float) -> str:
    """Three digits at least."""
    value = seconds * 1e6
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _left_out(lines: Sequence[Line]) -> list[str]:
    """Why a library has no time, or one that does not count; cases of one reason together."""
    cases: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        for name, result in line.results.items():
            if result.reason:
                cases.setdefault((name, result.reason), []).append(line.case.title)
    return [
        *(f"* {name}: {reason} ({'; '.join(titles)})" for (name, reason), titles in cases.items()),
        *([""] if cases else []),
    ]


def _rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    cells = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in cells]
