"""Runs a model library: code that the compiler generated for this one model.

The extension `_native` makes the call; where it was not built, ctypes does, which costs some microseconds more.
"""

from __future__ import annotations

import ctypes
import queue
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ironworks.runtime.engines import Array, Engine
from ironworks.runtime.manifest import ArtifactError, Manifest, Tensor

_ABI = 1


def start(manifest: Manifest, folder: Path, threads: int) -> Engine:
    """Open the library `manifest.entry`.

    Raises:
        ArtifactError: it is no model library, has no code for this processor, or is not what the manifest says.
    """
    path = str((folder / manifest.entry).resolve())
    return _open(_function_type(), manifest, path, threads)


def open_variants(path: Path, count: int) -> list[Callable[[], None]]:
    """The first `count` variants of a library, none of which takes or gives anything, to be run on one thread."""
    kind = _function_type()
    return [partial(kind(str(path), number, 1, np.empty, ()).run_into, [], []) for number in range(count)]


def instruction_set(path: Path, outputs: Sequence[Tensor]) -> str:
    """The level that a library, which gives `outputs`, has chosen for this processor: `x86-64-v4`.

    Raises:
        OSError, ValueError: it cannot be opened, or has no code for this processor.
    """
    return str(_function_type()(str(path), 0, 1, np.empty, _templates(outputs)).instruction_set)


def _templates(outputs: Sequence[Tensor]) -> tuple[Any, ...]:
    """The arguments for `numpy.empty`, for each output."""
    return tuple((tensor.shape, np.dtype(tensor.dtype)) for tensor in outputs)


def _function_type() -> Callable[..., Any]:
    try:
        kind: Callable[..., Any] = import_module("ironworks.runtime._native").Function
    except ImportError:
        return _ByCtypes
    return kind


def _open(kind: Callable[..., Any], manifest: Manifest, path: str, threads: int) -> Engine:
    templates = _templates(manifest.outputs)
    try:
        function = kind(path, 0, threads, np.empty, templates)
    except OSError as error:
        raise ArtifactError(f"The compiled model's library cannot be opened: {error}.") from error
    except ValueError as error:
        raise ArtifactError(
            f"The compiled model has code for {', '.join(manifest.instruction_sets)}, and this processor has none of "
            "these instruction sets. Compile it for a target of this machine."
        ) from error
    found = tuple(tuple(Tensor(*_reordered(item)) for item in items) for items in function.described())
    if found != (manifest.inputs, manifest.outputs):
        raise ArtifactError(
            "The manifest describes other inputs and outputs than the compiled model has. Compile the model again."
        )
    return _Library(function, manifest)


def _reordered(item: tuple[str, str, tuple[int, ...]]) -> tuple[str, tuple[int, ...], str]:
    name, dtype, shape = item
    return name, shape, dtype


class _Library:
    """`call` takes arrays that fit exactly and answers None for others, so that they can be fitted first."""

    def __init__(self, function: Any, manifest: Manifest) -> None:
        self.call = function
        self._outputs = manifest.outputs

    def run(self, inputs: Sequence[Array], outputs: Sequence[Array] | None = None) -> list[Array]:
        made = (
            [np.empty(tensor.shape, tensor.dtype) for tensor in self._outputs]
            if outputs is None
            else list(outputs)
        )
        self.call.run_into(list(inputs), made)
        return made


class _TensorStruct(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("dtype", ctypes.c_char_p),
        ("rank", ctypes.c_int),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
    ]


class _VariantStruct(ctypes.Structure):
    _fields_ = [
        ("input_count", ctypes.c_int),
        ("output_count", ctypes.c_int),
        ("inputs", ctypes.POINTER(_TensorStruct)),
        ("outputs", ctypes.POINTER(_TensorStruct)),
        ("flops", ctypes.c_double),
        ("start", ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_int, ctypes.c_int)),
        ("run", ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)),
        ("stop", ctypes.CFUNCTYPE(None, ctypes.c_void_p)),
    ]


class _ModelStruct(ctypes.Structure):
    _fields_ = [
        ("abi", ctypes.c_int),
        ("variant_count", ctypes.c_int),
        ("variants", ctypes.POINTER(_VariantStruct)),
        ("instruction_set", ctypes.c_char_p),
    ]


class _ByCtypes:
    """What `_native.Function` is, without a compiled extension."""

    def __init__(self, path: str, number: int, threads: int, make: object, templates: object) -> None:
        del make, templates
        self._library = ctypes.CDLL(path)
        self._library.ironworks_model_open.restype = ctypes.POINTER(_ModelStruct)
        model = self._library.ironworks_model_open()
        if not model or model.contents.abi != _ABI:
            raise ValueError("the library has no code for this processor, or is of another version")
        self.instruction_set = model.contents.instruction_set.decode()
        self._variant = model.contents.variants[number]
        self._number, self._threads = number, threads
        self._idle: queue.SimpleQueue[int] = queue.SimpleQueue()

    def __call__(self, *arrays: object) -> None:
        """Nothing fits as it is: every array goes through `run_into`."""

    def described(self) -> tuple[list[Any], list[Any]]:
        """Name, dtype and shape of each input, and of each output."""
        variant = self._variant
        return (
            [_described(variant.inputs[i]) for i in range(variant.input_count)],
            [_described(variant.outputs[i]) for i in range(variant.output_count)],
        )

    def run_into(self, inputs: Sequence[Array], outputs: Sequence[Array]) -> None:
        """Run on dense arrays that fit."""
        try:
            session = self._idle.get_nowait()
        except queue.Empty:
            session = self._variant.start(self._number, self._threads)
            if not session:
                raise MemoryError("there is no memory or no thread for another run of the model") from None
        self._variant.run(session, _addresses(inputs), _addresses(outputs))
        self._idle.put(session)

    def __del__(self) -> None:
        while hasattr(self, "_idle") and not self._idle.empty():
            self._variant.stop(self._idle.get_nowait())


def _described(tensor: _TensorStruct) -> tuple[str, str, tuple[int, ...]]:
    shape = tuple(tensor.shape[i] for i in range(tensor.rank))
    return tensor.name.decode(), tensor.dtype.decode(), shape


def _addresses(arrays: Sequence[Array]) -> Any:
    return (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))
