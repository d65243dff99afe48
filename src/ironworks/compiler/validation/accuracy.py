"""The accuracy of the original and of candidates on a user's labelled examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ironworks.compiler.validation.examples import Examples, match_examples, match_labels
from ironworks.errors import ClientError
from ironworks.runtime import Tensor

Array = NDArray[Any]
Run = Callable[[Mapping[str, Array]], Sequence[Array]]


@dataclass(frozen=True)
class Grade:
    """How a candidate does on the examples, compared with the original.

    Attributes:
        examples: how many of them it was asked.
        original: the original's accuracy on these, 0 to 1 (top-1).
        accuracy: the candidate's: of how many the class is the labelled one.
        changed: for how many it is another class than the original's.
        largest_difference: between the candidate's scores and the original's; of class indices, 1 where they differ.
    """

    examples: int
    original: float
    accuracy: float
    changed: int
    largest_difference: float


@dataclass(frozen=True)
class Validation:
    """What the original answers for the examples.

    Attributes:
        examples: how many there are.
        output: the name of the output that has the class.
        accuracy: the original's, 0 to 1 (top-1).
    """

    examples: int
    output: str
    accuracy: float


class Examination:
    """Labelled examples, and the original's answers to them."""

    def __init__(
        self, arrays: Mapping[str, Array], inputs: Sequence[Tensor], outputs: Sequence[Tensor]
    ) -> None:
        """Compare the examples with the model.

        Raises:
            ClientError: they do not fit it, or no output of the model says which class an example is of.
        """
        self.examples: Examples = match_examples(arrays, inputs, "validation data")
        self._labels = match_labels(arrays, self.examples.count)
        self._position = _classifying(outputs, self.examples.batch)
        self._output = outputs[self._position]
        _expect_classes(self._labels, self._output, self.examples.batch)
        self._original: Array | None = None

    def sit(self, run: Run) -> Validation:
        """Ask the original, which candidates are compared with from now on."""
        self._original = self._answers(run)
        accuracy = float((_classes(self._original) == self._labels).mean())
        return Validation(self.examples.count, self._output.name, accuracy)

    def grade(self, run: Run, most: int | None = None) -> Grade:
        """Ask a candidate, `most` batches at most. The original must have been asked before."""
        assert self._original is not None
        answers = self._answers(run, most)
        original, labels = self._original[: len(answers)], self._labels[: len(answers)]
        classes, expected = _classes(answers), _classes(original)
        if answers.ndim == 1:
            difference = float((classes != expected).any())
        else:
            difference = _difference(original.astype(np.float64), answers.astype(np.float64))
        return Grade(
            examples=len(answers),
            original=float((expected == labels).mean()),
            accuracy=float((classes == labels).mean()),
            changed=int((classes != expected).sum()),
            largest_difference=difference,
        )

    def _answers(self, run: Run, most: int | None = None) -> Array:
        """The scores of each example, `[count, classes]`, or its class, `[count]`."""
        answered = [
            np.array(run(batch)[self._position]).reshape(self.examples.batch, -1)
            for batch in self.examples.batches(most)
        ]
        answers = np.concatenate(answered)[: self.examples.count]
        return answers[:, 0] if answers.shape[1] == 1 else answers


def _classifying(outputs: Sequence[Tensor], batch: int) -> int:
    """The position of the first output that has a class index, or scores by class, for each example."""
    for position, tensor in enumerate(outputs):
        if tensor.shape[:1] != (batch,):
            continue
        wide = [size for size in tensor.shape[1:] if size > 1]
        whole = np.dtype(tensor.dtype).kind in "iu"
        if (whole and not wide) or (not whole and len(wide) == 1):
            return position
    raise ClientError(
        f"The accuracy cannot be measured: none of the model's outputs ({', '.join(map(str, outputs))}) has the class "
        f"of each example, or a score for each class, [{batch}, classes]. Leave the validation data out."
    )


def _expect_classes(labels: Array, output: Tensor, batch: int) -> None:
    classes = output.size // batch
    if classes > 1 and not ((labels >= 0) & (labels < classes)).all():
        raise ClientError(
            f"The labels of the validation data go from {labels.min()} to {labels.max()}, and the output {output.name} "
            f"has {classes} classes, 0 to {classes - 1}."
        )


def _classes(answers: Array) -> Array:
    classes: Array = answers if answers.ndim == 1 else answers.argmax(1)
    return classes


def _difference(expected: Array, found: Array) -> float:
    """The largest; infinite where only one of the two is NaN."""
    same = (expected == found) | (np.isnan(expected) & np.isnan(found))
    differences = np.abs(np.where(same, 0, found) - np.where(same, 0, expected))
    return float(np.nan_to_num(differences, nan=np.inf).max(initial=0.0))
