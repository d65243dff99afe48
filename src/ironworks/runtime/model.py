"""A compiled model, ready to run."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from ironworks.runtime.engines import Array, Engine
from ironworks.runtime.manifest import Manifest, Tensor


class CompiledModel:
    """Runs a compiled model. Any number of threads may call `run` at the same time.

    Attributes:
        manifest: everything that the artifact says of itself.
        inputs: name, shape and dtype of each input.
        outputs: the same of each output, in the order of `run`'s answer.
    """

    def __init__(self, manifest: Manifest, engine: Engine) -> None:
        self.manifest = manifest
        self.inputs = manifest.inputs
        self.outputs = manifest.outputs
        self._engine = engine

    def run(self, data: ArrayLike | Mapping[str, ArrayLike]) -> list[Array]:
        """The model's outputs for `data`: an array if the model has one input, or arrays by input name.

        An array with the right number of elements and another shape is reshaped, another numeric dtype is
        converted. The answered arrays are the caller's own.

        Raises:
            ValueError: an input is missing, unknown, of the wrong size or not numeric; the message has what
                was expected and what was given.
        """
        return self._engine.run([_fit(value, tensor) for value, tensor in self._arguments(data)])

    def _arguments(self, data: ArrayLike | Mapping[str, ArrayLike]) -> list[tuple[ArrayLike, Tensor]]:
        expected = ", ".join(str(tensor) for tensor in self.inputs)
        if not isinstance(data, Mapping):
            if len(self.inputs) != 1:
                raise ValueError(
                    f"The model takes {len(self.inputs)} inputs ({expected}) and one array without a name was "
                    "given. Give a dictionary of arrays by input name."
                )
            return [(data, self.inputs[0])]
        names = [tensor.name for tensor in self.inputs]
        if set(data) != set(names):
            raise ValueError(
                f"The model takes the inputs {expected} and was given {', '.join(map(repr, data))}."
            )
        return [(data[tensor.name], tensor) for tensor in self.inputs]


def _fit(value: ArrayLike, tensor: Tensor) -> Array:
    """`value` as a C-contiguous array of `tensor`'s shape and dtype, without a copy where it is one already."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"The input {tensor.name} is not an array of numbers: {error}.") from error
    if array.dtype.kind not in "biuf":
        raise ValueError(
            f"The input {tensor.name} has dtype {array.dtype}, where numbers are expected ({tensor.dtype})."
        )
    if array.size != tensor.size:
        raise ValueError(
            f"The input {tensor.name} takes {tensor.size} numbers in the shape {list(tensor.shape)} and was "
            f"given {array.size} in the shape {list(array.shape)}."
        )
    return np.ascontiguousarray(array, dtype=tensor.dtype).reshape(tensor.shape)
