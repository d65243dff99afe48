"""Over all lines: the geometric mean, the worst, and which of the project's bars hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from benchmarks.compiler.cases import DIGITS, MODELS
from benchmarks.compiler.figures import Line

_RUN = "ONNX Runtime"
_SLOWEST, _MEAN = 1.03, 1.25
_DENSE, _DIGITS, _OF_LIMIT = 3.0, 8.0, 1.25
_TREES, _XGBOOST = 5.0, 30.0
_COMPILE = {"MLP": 3.0, "ResNet-18": 60.0, "MobileNetV2": 60.0}


@dataclass(frozen=True)
class Bar:
    """One bar of the project, what was measured, and whether it holds."""

    what: str
    wanted: str
    measured: str
    holds: bool


def describe(line: Line) -> str:
    """A line of text: all libraries, the fastest first, and those that do not count."""
    times = sorted((result.seconds, name) for name, result in line.results.items() if result.seconds)
    parts = []
    for seconds, name in times:
        reason = line.results[name].reason
        parts.append(f"{name} {seconds * 1e6:,.1f}{f' ({reason})' if reason else ''}")
    parts += [f"{name} – ({result.reason})" for name, result in line.results.items() if not result.seconds]
    speed = f"{line.ratio:.2f} ×" if line.ratio else "?"
    limit = f"; limit {line.limit * 1e6:,.1f} µs" if line.limit else ""
    compiled = f"{line.chosen or 'nothing'}, compiled in {line.compile_seconds:.1f} s{limit}"
    return f"{line.case.title}: {speed} ({compiled}): {'; '.join(parts)}"


def summary(lines: Sequence[Line]) -> str:
    """Mean, worst and bars, as text."""
    texts = [
        f"{'holds' if bar.holds else 'FAILS'}  {bar.what}: {bar.measured} (bar: {bar.wanted})"
        for bar in bars(lines)
    ]
    return "\n".join([overall(lines), *texts])


def overall(lines: Sequence[Line]) -> str:
    """The geometric mean and the worst, in one sentence."""
    ratios = [(line.ratio, line.case.title) for line in lines if line.ratio]
    if not ratios:
        return "Nothing was measured."
    mean = float(np.exp(np.mean(np.log([ratio for ratio, _ in ratios]))))
    ratio, title = min(ratios)
    text = f"{len(ratios)} cases: {mean:.2f} × faster in the geometric mean; the least is {ratio:.2f} × ({title})."
    missing = [line.case.title for line in lines if not line.ratio]
    return f"{text} Not compared: {'; '.join(missing)}." if missing else text


def bars(lines: Sequence[Line]) -> list[Bar]:
    """Those that the lines say something of."""
    return [*_against_the_best(lines), *_perceptron(lines), *_trees(lines), *_compile_times(lines)]


def _against_the_best(lines: Sequence[Line]) -> Iterator[Bar]:
    ratios = [line.ratio for line in lines if line.ratio]
    if not ratios:
        return
    mean = float(np.exp(np.mean(np.log(ratios))))
    slower = sum(ratio < 1 / _SLOWEST for ratio in ratios)
    yield Bar(
        "against the best rival, every case",
        f"never slower than {_SLOWEST} ×",
        f"slower in {slower} of {len(ratios)}; the least is {min(ratios):.2f} × faster",
        slower == 0 and len(ratios) == len(lines),
    )
    wanted = f"at least {_MEAN} × faster"
    yield Bar("against the best rival, geometric mean", wanted, f"{mean:.2f} × faster", mean >= _MEAN)


def _perceptron(lines: Sequence[Line]) -> Iterator[Bar]:
    for line in _of(lines, batch=1, threads=1):
        faster = line.ratio_to(_RUN)
        least = {"MLP": _DENSE, DIGITS: _DIGITS}.get(line.case.model)
        if faster and least:
            what = f"{line.case.title}, against ONNX Runtime's run()"
            yield Bar(what, f"at least {least:.0f} × faster", f"{faster:.2f} × faster", faster >= least)
        if line.case.model == "MLP" and line.ours and line.limit:
            share = line.ours / line.limit
            what = f"{line.case.title}, call against the bandwidth limit"
            yield Bar(what, f"within {_OF_LIMIT} ×", f"{share:.2f} ×", share <= _OF_LIMIT)


def _trees(lines: Sequence[Line]) -> Iterator[Bar]:
    trees = [line for line in _of(lines, batch=1) if MODELS[line.case.model].kind != "network"]
    for library, least in ((_RUN, _TREES), ("XGBoost", _XGBOOST)):
        ratios = [ratio for line in trees if (ratio := line.ratio_to(library))]
        if ratios:
            what = f"ensembles of trees, batch 1, against {library}"
            measured = f"{min(ratios):.1f} to {max(ratios):.1f} × faster"
            yield Bar(what, f"at least {least:.0f} × faster", measured, min(ratios) >= least)


def _compile_times(lines: Sequence[Line]) -> Iterator[Bar]:
    for line in _of(lines, batch=1):
        most = _COMPILE.get(line.case.model)
        if most and line.chosen and line.case.threads == min(other.case.threads for other in lines):
            measured = f"{line.compile_seconds:.1f} s"
            what = f"compile time, {line.case.model}"
            yield Bar(what, f"at most {most:.0f} s", measured, line.compile_seconds <= most)


def _of(lines: Sequence[Line], batch: int, threads: int | None = None) -> list[Line]:
    return [line for line in lines if line.case.batch == batch and threads in (None, line.case.threads)]
