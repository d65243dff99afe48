"""A compiled model, ready to run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

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
        self._names = [tensor.name for tensor in manifest.inputs]
        # An engine that takes arrays as they are where they fit exactly, and answers None where they do not.
        self._call: Callable[..., list[Array] | None] = getattr(engine, "call", _nothing)

    def run(
        self, data: ArrayLike | Mapping[str, ArrayLike], out: Sequence[Array] | None = None
    ) -> list[Array]:
        """The model's outputs for `data`: an array if the model has one input, or arrays by input name.

        An array with the right number of elements and another shape is reshaped, another numeric dtype is
        converted. The answered arrays are the caller's own: new ones, or those in `out`, one C-contiguous array of
        the right shape and dtype for each output.

        Raises:
            ValueError: an input is missing, unknown, of the wrong size or not numeric, or an array of `out`
                does not fit; the message has what was expected and what was given.
        """
        if out is None:
            answer = self._exactly(data)
            if answer is not None:
                return answer
        else:
            _check_out(out, self.outputs)
        return self._engine.run([_fit(value, tensor) for value, tensor in self._arguments(data)], out)

    def _exactly(self, data: object) -> list[Array] | None:
        """The answer where `data` is as the engine takes it; None where it must be fitted first."""
        if not isinstance(data, dict):
            return self._call(data)
        return self._call(*map(data.get, self._names)) if len(data) == len(self._names) else None

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


def _nothing(*_: object) -> None:
    return None


def _check_out(out: Sequence[Array], outputs: Sequence[Tensor]) -> None:
    expected = ", ".join(map(str, outputs))
    if len(out) != len(outputs):
        raise ValueError(f"The model has the outputs {expected}, and `out` has {len(out)} arrays.")
    for array, tensor in zip(out, outputs, strict=True):
        fits = isinstance(array, np.ndarray) and (array.shape, array.dtype.name) == (
            tensor.shape,
            tensor.dtype,
        )
        if not (fits and array.flags.c_contiguous and array.flags.writeable):
            raise ValueError(
                f"The array of `out` for {tensor} must be a numpy array of that shape and dtype, writeable and "
                "C-contiguous."
            )


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
