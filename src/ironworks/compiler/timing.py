"""Times candidates against each other on this machine."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from time import perf_counter

_ROUND_SECONDS = 0.004
_ROUNDS = 9
_MOST_SECONDS = 2.0


def interleaved_medians(calls: Sequence[Callable[[], object]]) -> list[float]:
    """The median time of each of `calls`, in microseconds."""
    return [statistics.median(taken) * 1e6 for taken in _rounds(calls)]


def interleaved_minima(calls: Sequence[Callable[[], object]]) -> list[float]:
    """The shortest time of each of `calls`, in microseconds: for code that differs in little, on a busy machine."""
    return [min(taken) * 1e6 for taken in _rounds(calls)]


def _rounds(calls: Sequence[Callable[[], object]]) -> list[list[float]]:
    """Seconds that each of `calls` took, round by round.

    Rounds go through all of them in turn, so that what else the machine does hits each alike. A call that
    takes long is made less often: all together take about two seconds at most.
    """
    repeats = []
    rounds = _ROUNDS
    for call in calls:
        call()  # the first allocates
        seconds = _mean_seconds(call, 1)
        repeats.append(max(1, round(_ROUND_SECONDS / max(seconds, 1e-7))))
        rounds = min(rounds, max(1, int(_MOST_SECONDS / (seconds * len(calls)))))
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, count, taken in zip(calls, repeats, times, strict=True):
            taken.append(_mean_seconds(call, count))
    return times


def _mean_seconds(call: Callable[[], object], count: int) -> float:
    start = perf_counter()
    for _ in range(count):
        call()
    return (perf_counter() - start) / count
