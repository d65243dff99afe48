"""Runs a model library: code that the compiler generated for this one model.

The extension `_native` makes the call; where it was not built, ctypes does, which costs some microseconds more.
"""

from __future__ import annotations

import os.path
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from itertools import count
from typing import Any

import numpy as np

from ironworks.runtime.engines import Array, Engine, Folder
from ironworks.runtime.manifest import ArtifactError, Manifest, Tensor


def start(manifest: Manifest, folder: Folder, threads: int) -> Engine:
    """Open the library `manifest.entry`.

    Raises:
        ArtifactError: it is no model library, has no code for this processor, or is not what the manifest says.
    """
    path = os.path.abspath(os.path.join(folder, manifest.entry))
    return _open(_function_type(), manifest, path, threads)


def open_variants(path: str, number: int) -> list[Callable[[], None]]:
    """The first `number` variants of a library, none of which takes or gives anything, to be run on one thread."""
    kind = _function_type()
    return [partial(kind(path, variant, 1, np.empty, ()).run_into, [], []) for variant in range(number)]


def instruction_set(path: str, outputs: Sequence[Tensor]) -> str:
    """The level that a library, which gives `outputs`, has chosen for this processor: `x86-64-v4`.

    Raises:
        OSError, ValueError: it cannot be opened, or has no code for this processor.
    """
    return str(_function_type()(path, 0, 1, np.empty, _templates(outputs)).instruction_set)


def _templates(outputs: Sequence[Tensor]) -> tuple[Any, ...]:
    """The arguments for `numpy.empty`, for each output."""
    return tuple((tensor.shape, np.dtype(tensor.dtype)) for tensor in outputs)


def _function_type() -> Callable[..., Any]:
    try:
        kind: Callable[..., Any] = import_module("ironworks.runtime._native").Function
    except ImportError:
        kind = import_module("ironworks.runtime.engines.by_ctypes").Function
    return kind


def _open(kind: Callable[..., Any], manifest: Manifest, path: str, threads: int) -> Engine:
    """The library's variant of the manifest's shapes."""
    templates = _templates(manifest.outputs)
    for number in count():
        try:
            function = kind(path, number, threads, np.empty, templates)
        except OSError as error:
            raise ArtifactError(f"The compiled model's library cannot be opened: {error}.") from error
        except ValueError as error:
            if number:  # there are no more
                break
            raise ArtifactError(
                f"The compiled model has code for {', '.join(manifest.instruction_sets)}, and this processor has "
                "none of these instruction sets. Compile it for a target of this machine."
            ) from error
        if _tensors(function) == (manifest.inputs, manifest.outputs):
            return _Library(function, manifest)
    raise ArtifactError(
        "The manifest describes other inputs and outputs than the compiled model has. Compile the model again."
    )


def _tensors(function: Any) -> tuple[tuple[Tensor, ...], ...]:
    """What a variant says that it takes and gives."""
    return tuple(
        tuple(Tensor(name, shape, dtype) for name, dtype, shape in items) for items in function.described()
    )


class _Library:
    """`call` takes arrays that fit exactly and answers None for others, so that they can be fitted first.

    `into` does so for the caller's arrays; it is there where the function compares sizes itself.
    """

    def __init__(self, function: Any, manifest: Manifest) -> None:
        self.call = function
        if getattr(function, "compares", True):
            self.into = function.run_into
        self._outputs = manifest.outputs

    def run(self, inputs: Sequence[Array], outputs: Sequence[Array] | None = None) -> list[Array]:
        made = (
            [np.empty(tensor.shape, tensor.dtype) for tensor in self._outputs]
            if outputs is None
            else list(outputs)
        )
        self.call.run_into(list(inputs), made)
        return made
