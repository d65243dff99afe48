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
        batch_sizes: those that the model was compiled for, if there are several; it takes any number of rows from 1
            up then, and the first size of every input's and output's shape is -1. Empty if all shapes are fixed.
    """

    def __init__(self, manifest: Manifest, engine: Engine) -> None:
        self.manifest = manifest
        self.inputs = manifest.inputs
        self.outputs = manifest.outputs
        self.batch_sizes = tuple(variant.batch for variant in manifest.variants)
        self._engine = engine
        self._names = [tensor.name for tensor in manifest.inputs]
        # An engine that takes arrays as they are where they fit exactly, and answers None where they do not.
        self._call: Callable[..., list[Array] | None] = getattr(engine, "call", _nothing)
        # The same into arrays of these shapes and dtypes; it raises ValueError or BufferError if one does not fit.
        self._into: Callable[[list[object], list[Array]], object] = getattr(engine, "into", _refuse)
        self._results = [(tensor.shape, np.dtype(tensor.dtype)) for tensor in manifest.outputs]

    def run(
        self, data: ArrayLike | Mapping[str, ArrayLike], out: Sequence[Array] | None = None
    ) -> list[Array]:
        """The model's outputs for `data`: an array if the model has one input, or arrays by input name.

        An array with the right number of elements and another shape is reshaped, another numeric dtype is
        converted. Where the model takes any number of rows, the number of elements says how many they are, and every
        output has as many. The answered arrays are the caller's own: new ones, or those in `out`, one C-contiguous
        array of the right shape and dtype for each output.

        Raises:
            ValueError: an input is missing, unknown, of the wrong size or not numeric, inputs differ in the number of
                rows, or an array of `out` does not fit; the message has what was expected and what was given.
        """
        if out is None:
            # Here and not in a function: a call of Python takes as long as a small layer.
            answer = self._by_name(data) if isinstance(data, dict) else self._call(data)
            if answer is not None:
                return answer
        elif self._exactly_into(data, out):
            return list(out)
        inputs = [_fit(value, tensor) for value, tensor in self._arguments(data)]
        rows = _rows(inputs, self.inputs) if self.batch_sizes else None
        if out is not None:
            _check_out(out, self.outputs, rows)
        return self._engine.run(inputs, out)

    def _by_name(self, data: dict[str, ArrayLike]) -> list[Array] | None:
        """The answer where the arrays are as the engine takes them; None where they must be fitted first."""
        return self._call(*map(data.get, self._names)) if len(data) == len(self._names) else None

    def _exactly_into(self, data: object, out: Sequence[Array]) -> bool:
        """Whether all is as the engine takes it, and `out` has the answer; nothing has happened if not."""
        if len(out) != len(self._results):
            return False
        rows = self.batch_sizes and type(out[0]) is np.ndarray and out[0].shape[:1]
        for array, (shape, dtype) in zip(out, self._results, strict=True):
            expected = (*rows, *shape[1:]) if rows else shape
            if type(array) is not np.ndarray or array.shape != expected or array.dtype != dtype:
                return False
        if isinstance(data, dict) and len(data) != len(self._names):
            return False
        inputs = [data.get(name) for name in self._names] if isinstance(data, dict) else [data]
        try:
            self._into(inputs, list(out))
        except (ValueError, BufferError):
            return False
        return True

    def _arguments(self, data: ArrayLike | Mapping[str, ArrayLike]) -> list[tuple[ArrayLike, Tensor]]:
        if not isinstance(data, Mapping):
            if len(self.inputs) != 1:
                raise ValueError(
                    f"The model takes {len(self.inputs)} inputs ({_listed(self.inputs)}) and one array without a name "
                    "was given. Give a dictionary of arrays by input name."
                )
            return [(data, self.inputs[0])]
        if set(data) != set(self._names):
            raise ValueError(
                f"The model takes the inputs {_listed(self.inputs)} and was given {', '.join(map(repr, data))}."
            )
        return [(data[tensor.name], tensor) for tensor in self.inputs]


def _listed(tensors: Sequence[Tensor]) -> str:
    return ", ".join(map(str, tensors))


def _nothing(*_: object) -> None:
    return None


def _refuse(*_: object) -> None:
    raise ValueError


def _rows(inputs: Sequence[Array], tensors: Sequence[Tensor]) -> int:
    """How many rows each of `inputs` has."""
    counts = [len(array) for array in inputs]
    if len(set(counts)) > 1:
        given = ", ".join(f"{count} of {tensor}" for count, tensor in zip(counts, tensors, strict=True))
        raise ValueError(
            f"The inputs must have the same number of rows, and {given} were given. Give as many of each."
        )
    return counts[0]


def _check_out(out: Sequence[Array], outputs: Sequence[Tensor], rows: int | None) -> None:
    """`rows` is how many an output has whose shape leaves it open."""
    if len(out) != len(outputs):
        raise ValueError(f"The model has the outputs {_listed(outputs)}, and `out` has {len(out)} arrays.")
    tensors = outputs if rows is None else [tensor.with_rows(rows) for tensor in outputs]
    for array, tensor in zip(out, tensors, strict=True):
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
    """`value` as a C-contiguous array of `tensor`'s shape and dtype, without a copy where it is one already.

    Where the tensor has any number of rows, the array has as many as there are elements for.
    """
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"The input {tensor.name} is not an array of numbers: {error}.") from error
    if array.dtype.kind not in "biuf":
        raise ValueError(
            f"The input {tensor.name} has dtype {array.dtype}, where numbers are expected ({tensor.dtype})."
        )
    if tensor.any_rows:
        _check_whole_rows(array, tensor)
    elif array.size != tensor.size:
        raise ValueError(
            f"The input {tensor.name} takes {tensor.size} numbers in the shape {list(tensor.shape)} and was "
            f"given {array.size} in the shape {list(array.shape)}."
        )
    return np.ascontiguousarray(array, dtype=tensor.dtype).reshape(tensor.shape)


def _check_whole_rows(array: Array, tensor: Tensor) -> None:
    if array.size == 0 or array.size % tensor.size:
        raise ValueError(
            f"The input {tensor} takes rows of {tensor.size} numbers, at least one, and was given {array.size} "
            f"numbers in the shape {list(array.shape)}."
        )
