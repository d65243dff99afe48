"""Which candidate is taken where some are of a reduced precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

from numpy.typing import NDArray

from ironworks.compiler.precision.request import Request
from ironworks.compiler.timing import interleaved_medians
from ironworks.compiler.trials import Trial, fastest
from ironworks.errors import ClientError

Inputs = Mapping[str, NDArray[Any]]

MARGIN = 0.05
"""How much faster than the best float32 candidate a reduced one must be, as a part of the latter's time."""


@dataclass(frozen=True)
class Choice:
    """The candidate that was taken, all of them with what became of them, and why."""

    best: Trial
    trials: Sequence[Trial]
    reason: str

    @property
    def lines(self) -> list[str]:
        """What a log says of it."""
        lines = [f"Precision: {self.reason}"] if self.reason else []
        grade = self.best.grade
        if grade is not None:
            lines.append(
                f"Accuracy on {grade.examples} examples: {grade.original:.4f} before, {grade.accuracy:.4f} after; "
                f"{grade.changed} answers changed"
            )
        return lines


def tolerate(trial: Trial) -> Trial:
    """Keep a reduced candidate that is outside its tolerance, with a note: the caller asked for something inexact.

    One that fails, or answers NaN or infinity where the original does not, stays dropped.
    """
    within_reach = trial.comparisons and all(isfinite(item.absolute) for item in trial.comparisons)
    if not trial.dropped or not within_reach:
        return trial
    return replace(trial, dropped="", note=f"outside the tolerance of its precision: {trial.dropped}")


def choose(
    trials: Sequence[Trial],
    request: Request,
    inputs: Inputs,
    skipped: Mapping[str, str],
) -> Choice:
    """The fastest candidate of the requested precision; for `auto` a reduced one only if nothing is lost by it.

    `inputs` are what candidates are timed with, `skipped` why backends built none.

    Raises:
        ClientError: a reduced precision was asked for, and no candidate of it can be used.
        PlatformError: no candidate in the model's own precision is equal to the original.
    """
    full = [trial for trial in trials if trial.candidate.precision == "f32"]
    reduced = [trial for trial in trials if trial.candidate.precision != "f32"]
    if not request.kinds:
        best = fastest(full)
        fall = _accuracy(best)
        return Choice(best, trials, request.reason or (f"{fall}." if "falls" in fall else ""))
    if request.precision == "auto":
        return _lossless(trials, fastest(full), reduced, inputs)
    usable = [trial for trial in reduced if not trial.dropped]
    if not usable:
        reasons = [f"{name}: {reason}" for name, reason in skipped.items() if name.endswith(request.kinds)]
        reasons += [f"{trial.candidate.label}: {trial.dropped}" for trial in reduced]
        raise ClientError(
            f"No candidate of the precision {request.precision} can be used. {'; '.join(reasons)}. Ask for f32."
        )
    within = [trial for trial in usable if not trial.note]
    best = fastest(within) if within else min(usable, key=lambda trial: trial.largest_error)
    return Choice(best, trials, _sentence(best, request.precision, full))


def _sentence(best: Trial, asked: str, full: Sequence[Trial]) -> str:
    parts = [f"{best.candidate.precision}, because {asked} was asked for"]
    if best.note:
        parts.append(f"it is {best.note}")
    rivals = [trial for trial in full if trial.microseconds is not None]
    rival = min(rivals, key=lambda trial: trial.microseconds or 0.0, default=None)
    if rival is not None and best.microseconds is not None:
        parts.append(
            f"it takes {best.microseconds:.1f} µs a call, and in float32 {rival.candidate.label} "
            f"{rival.microseconds:.1f}"
        )
    parts += [text for text in [_accuracy(best)] if text]
    return f"{'; '.join(parts)}."


def _accuracy(best: Trial) -> str:
    if best.grade is None:
        return ""
    before, after = best.grade.original, best.grade.accuracy
    verb = "falls" if after < before else "does not fall"
    return f"the accuracy on the validation data {verb}: {before:.4f} before, {after:.4f} after"


def _lossless(trials: Sequence[Trial], best: Trial, reduced: Sequence[Trial], inputs: Inputs) -> Choice:
    """The fastest reduced candidate that nothing speaks against; `best` if there is none."""
    judged = list(trials)
    for trial in sorted(reduced, key=lambda item: item.microseconds or float("inf")):
        if trial.dropped:
            continue
        objection = trial.note or _objection(trial, best, inputs)
        if not objection:
            return Choice(trial, judged, _gain(trial, best))
        judged[judged.index(trial)] = replace(trial, note=objection)
    return Choice(
        best,
        judged,
        f"float32, because no reduced candidate is {MARGIN:.0%} faster than {best.candidate.label} and as accurate.",
    )


def _gain(trial: Trial, best: Trial) -> str:
    assert trial.grade is not None
    return (
        f"{trial.candidate.precision}, because it takes {trial.microseconds:.1f} µs a call, where "
        f"{best.candidate.label} takes {best.microseconds:.1f}, and its accuracy on the validation data is not lower: "
        f"{trial.grade.original:.4f} before, {trial.grade.accuracy:.4f} after."
    )


def _objection(trial: Trial, best: Trial, inputs: Inputs) -> str:
    """What speaks against taking `trial` instead of `best`; empty if nothing does."""
    if trial.grade is None or trial.microseconds is None or best.microseconds is None:
        return "not taken: it could not be measured"
    if trial.grade.accuracy < trial.grade.original:
        return (
            f"not taken: its accuracy is lower, {trial.grade.accuracy:.4f}, where the original's is "
            f"{trial.grade.original:.4f}"
        )
    own, rival, measured = trial.microseconds, best.microseconds, ""
    if own <= (1 - MARGIN) * rival:
        # The two alone: a neighbour on the machine may have made the difference.
        own, rival = interleaved_medians([_call(trial, inputs), _call(best, inputs)])
        measured = ", measured again,"
    if own <= (1 - MARGIN) * rival:
        return ""
    return (
        f"not taken: it takes{measured} {own:.1f} µs a call and {best.candidate.label} {rival:.1f}, and {MARGIN:.0%} "
        "less is asked for"
    )


def _call(trial: Trial, inputs: Inputs) -> Callable[[], object]:
    model = trial.model
    assert model is not None
    return lambda: model.run(inputs)
