"""Several invocations in one run of the model, where it takes any number of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ironworks.serving.codecs import Array, Inputs
from ironworks.serving.compute import Compute, Received, Sent, answer_to, answer_to_error, invocation_of, sent
from ironworks.serving.errors import StartupError
from ironworks.serving.invocation import Answer, Handler, Invocation, model_time
from ironworks.serving.steps import Steps, run

Key = tuple[np.dtype, ...]
"""The inputs' dtypes: only what agrees in them is joined, so that nobody's numbers are converted for another's."""


def in_batches(handler: Handler, most: int) -> Compute:
    """The function that answers up to `most` invocations by one run of the model.

    Raises:
        StartupError: the handler runs no model by itself, or one for a fixed number of rows.
    """
    if not isinstance(handler, Steps):
        raise StartupError(
            f"IRONWORKS_MAX_BATCH is {most}, and the module's own functions run the model, which takes invocations one "
            "by one. Define neo_preprocess and neo_postprocess instead, or unset IRONWORKS_MAX_BATCH."
        )
    if not getattr(handler.model, "batch_sizes", ()):
        raise StartupError(
            f"IRONWORKS_MAX_BATCH is {most}, and the model was compiled for one number of rows. Compile it for several "
            f"(ironworks compile --batch 1,{most}), or unset IRONWORKS_MAX_BATCH."
        )
    return _Batching(handler).answer


@dataclass
class _Part:
    """One invocation on its way through a batch."""

    invocation: Invocation
    inputs: dict[str, Array]
    rows: int
    place: int


class _Batching:
    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._tensors = {tensor.name: tensor for tensor in steps.model.inputs}

    def answer(self, requests: Sequence[Received]) -> list[Sent]:
        """Answer all; what goes wrong with one is its own answer, and nobody else's."""
        answers: list[Sent | None] = [None] * len(requests)
        groups: dict[Key, list[_Part]] = {}
        for place, request in enumerate(requests):
            model_time.nanoseconds = 0
            invocation = invocation_of(request)
            try:
                inputs = self._steps.read(invocation)
                part = self._part(invocation, inputs, place)
                if part is not None:
                    groups.setdefault(_key(part), []).append(part)
                    continue
                given = self._steps.write(run(self._steps.model, inputs), invocation)
            except BaseException as error:
                given = answer_to_error(error)
            answers[place] = sent(given)
        for parts in groups.values():
            for part, made in zip(parts, self._answer_together(parts), strict=True):
                answers[part.place] = made
        return [given for given in answers if given is not None]

    def _part(self, invocation: Invocation, inputs: Inputs, place: int) -> _Part | None:
        """The inputs as whole rows; None where they are not, so that the model itself says why."""
        named = inputs if isinstance(inputs, Mapping) else dict.fromkeys(list(self._tensors)[:1], inputs)
        if set(named) != set(self._tensors):
            return None
        shaped = {}
        for name, tensor in self._tensors.items():
            array = np.asarray(named[name])
            if array.dtype.kind not in "biuf" or array.size == 0 or array.size % tensor.size:
                return None
            shaped[name] = array.reshape(-1, *tensor.shape[1:])
        counts = {len(array) for array in shaped.values()}
        return _Part(invocation, shaped, counts.pop(), place) if len(counts) == 1 else None

    def _answer_together(self, parts: Sequence[_Part]) -> list[Sent]:
        model_time.nanoseconds = 0
        joined = parts[0].inputs
        if len(parts) > 1:
            joined = {name: np.concatenate([part.inputs[name] for part in parts]) for name in self._tensors}
        try:
            outputs = run(self._steps.model, joined)
        except Exception:  # whose fault it was shows when each runs by itself
            return [self._answer_alone(part) for part in parts]
        answers, start = [], 0
        for part in parts:
            rows = [output[start : start + part.rows] for output in outputs]
            answers.append(sent(self._written(rows, part.invocation)))
            start += part.rows
        return answers

    def _answer_alone(self, part: _Part) -> Sent:
        model_time.nanoseconds = 0
        steps = self._steps
        return sent(answer_to(part.invocation, lambda it: steps.write(run(steps.model, part.inputs), it)))

    def _written(self, rows: list[Array], invocation: Invocation) -> Answer:
        return answer_to(invocation, lambda it: self._steps.write(rows, it))


def _key(part: _Part) -> Key:
    return tuple(array.dtype for array in part.inputs.values())
