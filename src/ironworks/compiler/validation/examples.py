"""Examples as a caller gives them: arrays by input name, with any number of examples, and their labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ironworks.errors import ClientError
from ironworks.runtime import Tensor

Array = NDArray[Any]

LABELS = "labels"
"""The array that is no input: the class of each example."""

_FORM = (
    "It is a file .npz, or arrays by name: one for each input, whose first dimension counts the examples, and for "
    f"validation {LABELS}, the class of each example."
)


@dataclass(frozen=True)
class Examples:
    """Examples that fit a model.

    Attributes:
        inputs: the model's, in its order; the first size of each shape is the batch that it was compiled for.
        arrays: by input name, `[count, …]`, of any numeric dtype.
        count: how many examples there are.
    """

    inputs: Sequence[Tensor]
    arrays: Mapping[str, Array]
    count: int

    @property
    def batch(self) -> int:
        """How many examples the model takes at once."""
        return self.inputs[0].shape[0]

    def batches(self, most: int | None = None) -> Iterator[dict[str, Array]]:
        """Inputs of the model's shapes and dtypes, `most` at most; the last is filled up with its last example."""
        for start in range(0, self.count, self.batch)[:most]:
            rows = np.minimum(np.arange(start, start + self.batch), self.count - 1)
            yield {
                tensor.name: np.ascontiguousarray(self.arrays[tensor.name][rows], tensor.dtype).reshape(
                    tensor.shape
                )
                for tensor in self.inputs
            }


def read_arrays(path: Path, purpose: str, name: str = "") -> dict[str, Array]:
    """The arrays of a file `.npz`; messages call it by its `purpose`, `validation data`, and its path or `name`.

    Raises:
        ClientError: it is not there, or no such file.
    """
    try:
        content = np.load(path, allow_pickle=False)
        if isinstance(content, np.lib.npyio.NpzFile):
            with content:
                return {name: content[name] for name in content.files}
    except Exception as error:  # the zip file, its members and numpy each have their own
        raise ClientError(f"The {purpose} {name or path} cannot be read as .npz: {error}. {_FORM}") from error
    raise ClientError(f"The {purpose} {name or path} is one array without a name. {_FORM}")


def match_examples(arrays: Mapping[str, Array], inputs: Sequence[Tensor], purpose: str) -> Examples:
    """The examples in `arrays`, compared with what the model takes; labels are left out.

    Raises:
        ClientError: an input is missing, unknown or of another size, there is no example, or the model does not
            take batches.
    """
    arrays = {name: np.asarray(array) for name, array in arrays.items() if name != LABELS}
    names = [tensor.name for tensor in inputs]
    _match_names(list(arrays), names, purpose)
    sizes = {tensor.shape[:1] for tensor in inputs}
    if len(sizes) != 1 or not next(iter(sizes)):
        raise ClientError(
            f"The {purpose} cannot be fed in batches: the model's inputs ({', '.join(map(str, inputs))}) do not have "
            "the same first dimension, so it does not tell examples apart."
        )
    for tensor in inputs:
        _match_shape(tensor, arrays[tensor.name], purpose)
    counts = {name: len(array) for name, array in arrays.items()}
    if len(set(counts.values())) != 1:
        listing = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise ClientError(f"The {purpose} has a different number of examples for each input: {listing}.")
    count = counts[names[0]]
    if count == 0:
        raise ClientError(f"The {purpose} has no examples: its arrays have a first dimension of 0. {_FORM}")
    return Examples(inputs, arrays, count)


def match_labels(arrays: Mapping[str, Array], count: int) -> Array:
    """The class of each of `count` examples, int64 `[count]`; one-hot rows become the index of their one.

    Raises:
        ClientError: there are no labels, not one for each example, or they are neither indices nor one-hot.
    """
    if LABELS not in arrays:
        raise ClientError(
            f"The validation data has no {LABELS}; it has {', '.join(arrays) or 'no arrays'}. {_FORM}"
        )
    labels = np.asarray(arrays[LABELS])
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim not in (1, 2) or len(labels) != count or labels.dtype.kind not in "biuf":
        raise ClientError(
            f"The array {LABELS} of the validation data is {list(labels.shape)} {labels.dtype}, and there are {count} "
            "examples. Give a number for each, or a row with a single one in it."
        )
    if labels.ndim == 2:
        if not ((labels == 0) | (labels == 1)).all() or not (labels.sum(1) == 1).all():
            raise ClientError(
                f"The array {LABELS} of the validation data has rows that are not one-hot: a single 1 among zeros."
            )
        labels = labels.argmax(1)
    with np.errstate(invalid="ignore"):  # NaN becomes some number, and is no whole one
        indices: Array = labels.astype(np.int64)
    if not (indices == labels).all():
        raise ClientError(
            f"The array {LABELS} of the validation data has numbers that are not whole; a label is a class's index."
        )
    return indices


def _match_names(given: Sequence[str], expected: Sequence[str], purpose: str) -> None:
    unknown = [name for name in given if name not in expected]
    missing = [name for name in expected if name not in given]
    if unknown or missing:
        problems = [f"lacks {', '.join(missing)}"] if missing else []
        problems += [f"names {', '.join(unknown)}, which is no input of the model"] if unknown else []
        raise ClientError(
            f"The {purpose} {' and '.join(problems)}. The model's inputs: {', '.join(expected)}. {_FORM}"
        )


def _match_shape(tensor: Tensor, array: Array, purpose: str) -> None:
    if array.dtype.kind not in "biuf":
        raise ClientError(
            f"The {purpose} gives the input {tensor.name} the dtype {array.dtype}; numbers are needed."
        )
    if array.ndim == 0 or prod(array.shape[1:]) != prod(tensor.shape[1:]):
        raise ClientError(
            f"The {purpose} gives the input {tensor.name} the shape {list(array.shape)}, and one example of the model "
            f"is {list(tensor.shape[1:])}. Its first dimension counts the examples."
        )
