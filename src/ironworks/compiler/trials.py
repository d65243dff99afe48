"""Candidates on trial: each is verified, those that are equal to the original are timed, the fastest wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from numpy.typing import NDArray

from ironworks.compiler.backends import Candidate, describe
from ironworks.compiler.emulation import EmulatedModel
from ironworks.compiler.report import CandidateReport
from ironworks.compiler.targets import Target
from ironworks.compiler.timing import interleaved_medians, interleaved_minima
from ironworks.compiler.validation.accuracy import Examination, Grade
from ironworks.compiler.verify import Comparison, Draw, Expectation, Inputs, compare
from ironworks.errors import PlatformError
from ironworks.runtime import ArtifactError, CompiledModel, Manifest, Tensor, engines
from ironworks.runtime.artifact import architecture

_EMULATED_BATCHES = 100


@dataclass(frozen=True)
class Trial:
    """How a candidate does.

    `dropped` says why it is out; `model` is None if it did not even load. One of another architecture runs
    under emulation, where its time would mean nothing. `note` says what speaks against one that is not out, and
    `grade` is how it does on labelled examples, if there are some.
    """

    candidate: Candidate
    manifest: Manifest
    model: CompiledModel | EmulatedModel | None = None
    comparisons: Sequence[Comparison] = ()
    dropped: str = ""
    microseconds: float | None = None
    note: str = ""
    grade: Grade | None = None

    @property
    def report(self) -> CandidateReport:
        """What the compile report says of it."""
        return CandidateReport(
            label=self.candidate.label,
            microseconds=self.microseconds,
            dropped=self.dropped,
            verification=self.comparisons,
            precision=self.candidate.precision,
            note=self.note,
            validation=self.grade,
        )

    @property
    def largest_error(self) -> float:
        """The largest difference from the original, as a part of the output's largest value."""
        return max((comparison.relative for comparison in self.comparisons), default=float("inf"))


def verify_candidate(
    candidate: Candidate,
    target: Target,
    inputs: Sequence[Tensor],
    outputs: Sequence[Tensor],
    expectations: Sequence[Expectation],
) -> Trial:
    """Load the candidate with the engine that will serve it, and compare it with the original."""
    manifest = describe(candidate, target, inputs, outputs)
    try:
        model = _open(manifest, candidate, target)
        comparisons = [
            comparison
            for expectation in expectations
            for comparison in compare(expectation, model.run(expectation.draw.inputs), outputs)
        ]
    except ArtifactError as error:
        return Trial(candidate, manifest, dropped=str(error))
    except Exception as error:  # an engine raises what it likes, and one bad candidate must not end the job
        return Trial(candidate, manifest, dropped=f"it failed with {error!r}")
    return Trial(candidate, manifest, model, comparisons, _reason_to_drop(comparisons))


def grade_trials(trials: Sequence[Trial], examination: Examination) -> list[Trial]:
    """Let those that are not dropped answer the examples."""
    return [trial if trial.dropped else _graded(trial, examination) for trial in trials]


def _graded(trial: Trial, examination: Examination) -> Trial:
    assert trial.model is not None
    emulated = not isinstance(trial.model, CompiledModel)
    try:
        grade = examination.grade(trial.model.run, _EMULATED_BATCHES if emulated else None)
    except Exception as error:  # as above
        return replace(trial, dropped=f"it failed on the validation data with {error!r}")
    if grade.examples == examination.examples.count:
        return replace(trial, grade=grade)
    note = (
        f"its accuracy is that on the first {grade.examples} examples, because under emulation each call is a process; "
        f"the original's on these is {grade.original:.4f}"
    )
    return replace(trial, grade=grade, note=note)


def _open(manifest: Manifest, candidate: Candidate, target: Target) -> CompiledModel | EmulatedModel:
    if target.architecture != architecture():
        return EmulatedModel(manifest, candidate.folder)
    return CompiledModel(manifest, engines.start(manifest, candidate.folder, target.threads))


def with_one_thread(trials: Sequence[Trial]) -> list[Trial]:
    """Those that run on several threads here, once more on one: waking the others can take longer than they save."""
    several = [trial for trial in trials if isinstance(trial.model, CompiledModel) and not trial.dropped]
    return [
        _on_one(trial)
        for trial in several
        if trial.manifest.threads > 1 and "spinning" not in trial.manifest.options
    ]


def _on_one(trial: Trial) -> Trial:
    options = {**trial.candidate.options, "threads": "1"}
    candidate = replace(trial.candidate, options=options)
    manifest = replace(trial.manifest, options=options, threads=1)
    model = CompiledModel(manifest, engines.start(manifest, candidate.folder, 1))
    return replace(trial, candidate=candidate, manifest=manifest, model=model)


def time_trials(trials: Sequence[Trial], draws: Sequence[Draw]) -> list[Trial]:
    """Time those that are not dropped, on an input of the kind that the model is meant for."""
    inputs = typical_inputs(draws)
    timed = [trial for trial in trials if isinstance(trial.model, CompiledModel) and not trial.dropped]
    medians = interleaved_medians([partial(trial.model.run, inputs) for trial in timed if trial.model])
    times = {id(trial): median for trial, median in zip(timed, medians, strict=True)}
    return [replace(trial, microseconds=times.get(id(trial))) for trial in trials]


def time_winners(winners: Mapping[int, Trial], inputs: Mapping[int, Inputs]) -> dict[int, Trial]:
    """Time the winners of several batch sizes again, in turn with each other, on `inputs` of their sizes.

    The runtime cuts rows into runs by the ratios of these times.
    """
    models = [trial.model for trial in winners.values() if isinstance(trial.model, CompiledModel)]
    if len(models) < len(winners):
        return dict(winners)
    calls = [partial(model.run, inputs[size]) for size, model in zip(winners, models, strict=True)]
    return {
        size: replace(trial, microseconds=time)
        for (size, trial), time in zip(winners.items(), interleaved_minima(calls), strict=True)
    }


def fastest(trials: Sequence[Trial]) -> Trial:
    """The winner: the fastest, or the first where none could be timed.

    Raises:
        PlatformError: every candidate was dropped.
    """
    equal = [trial for trial in trials if not trial.dropped]
    if not equal:
        reasons = "; ".join(f"{trial.candidate.label}: {trial.dropped}" for trial in trials)
        raise PlatformError(
            f"No build of the model is equal to the original. {reasons}. Please report the model."
        )
    return min(equal, key=lambda trial: trial.microseconds or 0.0)


def typical_inputs(draws: Sequence[Draw]) -> dict[str, NDArray[Any]]:
    """The last sample, or where none was shipped, uniform random numbers."""
    kinds = {draw.kind: draw.inputs for draw in draws}
    return kinds.get("sample", kinds["uniform"])


def _reason_to_drop(comparisons: Sequence[Comparison]) -> str:
    unequal = [comparison for comparison in comparisons if not comparison.equal]
    if not unequal:
        return ""
    worst = max(unequal, key=lambda comparison: comparison.absolute)
    return (
        f"its output {worst.output} is off by {worst.absolute:.2g} for {worst.inputs} inputs, where "
        f"{worst.allowed:.2g} is allowed, and its largest element is the same in {worst.argmax_equal} of "
        f"{worst.rows} rows"
    )
