"""The contest of a model's candidates: each is verified and graded, then they are timed, and one is taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from ironworks.compiler.backends import Candidate
from ironworks.compiler.batches import expect_independent_rows
from ironworks.compiler.options import CompileOptions
from ironworks.compiler.precision.choice import Choice, choose, tolerate
from ironworks.compiler.precision.request import expect_dtype, plan, sample_inputs
from ironworks.compiler.references import Reference
from ironworks.compiler.report import Phases, PrecisionReport
from ironworks.compiler.sources import Source
from ironworks.compiler.targets import Target
from ironworks.compiler.tolerance import reduced_to
from ironworks.compiler.trials import (
    Trial,
    grade_trials,
    time_trials,
    typical_inputs,
    verify_candidate,
    with_one_thread,
)
from ironworks.compiler.validation.accuracy import Examination, Validation
from ironworks.compiler.verify import Expectation, Inputs, draw_inputs, expect, held_to


@dataclass(frozen=True)
class Outcome:
    """How the contest ended.

    Attributes:
        validation: the original's accuracy on the caller's examples; None without them.
        original_microseconds: the original's time of one call, if it was measured.
        typical: inputs of the kind that candidates were timed with.
    """

    choice: Choice
    validation: Validation | None
    original_microseconds: float | None
    precision: PrecisionReport
    typical: Inputs


class Contest:
    """What the candidates of one model are held to.

    Attributes:
        request: the reduced precisions that take part.
        samples: inputs that the model is meant for: the caller's, or the first of the caller's data.
    """

    def __init__(
        self,
        options: CompileOptions,
        target: Target,
        source: Source,
        samples: Sequence[Mapping[str, NDArray[Any]]],
    ) -> None:
        """Compare the caller's options with the model.

        Raises:
            ClientError: they do not fit it.
        """
        inputs, outputs = source.inputs, source.outputs
        expect_dtype(inputs, options.input_dtype)
        self._options, self._target, self._source = options, target, source
        self._inputs, self._outputs = inputs, outputs
        arrays = options.validation
        self._examination = None if arrays is None else Examination(arrays, inputs, outputs)
        self.samples = sample_inputs(options, inputs, samples)
        self.request = plan(options, target, inputs, samples)

    def run(
        self,
        candidates: Sequence[Candidate],
        skipped: Mapping[str, str],
        original: Reference,
        phases: Phases,
        progress: Callable[[str], None],
    ) -> Outcome:
        """Verify, grade, time and choose. `skipped` says why backends have no candidate.

        Raises:
            ClientError: a reduced precision was asked for, and no candidate of it can be used.
            PlatformError: no candidate is equal to the original, or the original cannot be run.
        """
        draws = draw_inputs(self._inputs, self.samples)
        typical, validation = typical_inputs(draws), None
        progress(f"Verifying candidates against the original{self._source.batch}")
        with phases.measure("verify"):
            expectations = expect(original, draws, self._outputs, self._options.tolerances)
            if self._source.size > 1:
                expect_independent_rows(original, expectations[0], self._outputs)
            trials = [self._verified(candidate, expectations) for candidate in candidates]
        if self._examination is not None:
            progress(f"Measuring the accuracy on {self._examination.examples.count} examples")
            with phases.measure("validate"):
                validation = self._examination.sit(original.run)
                trials = grade_trials(trials, self._examination)
        with phases.measure("time"):
            if not self._source.size:  # the variants of an artifact have one number of threads
                trials += with_one_thread(trials)
            trials, time = time_trials(trials, draws), original.microseconds(typical)
        choice = choose(trials, self.request, typical, skipped)
        for line in choice.lines:
            progress(line)
        precision = PrecisionReport(
            asked=self.request.precision,
            chosen=choice.best.candidate.precision,
            reason=choice.reason,
            calibrated_with=self.request.calibrated_with,
        )
        return Outcome(choice, validation, time, precision, typical)

    def _verified(self, candidate: Candidate, expectations: Sequence[Expectation]) -> Trial:
        if candidate.precision == "f32":
            return verify_candidate(candidate, self._target, self._inputs, self._outputs, expectations)
        tolerances = reduced_to(candidate.precision, self._options.tolerances)
        looser = held_to(expectations, self._outputs, tolerances)
        return tolerate(verify_candidate(candidate, self._target, self._inputs, self._outputs, looser))
