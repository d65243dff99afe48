"""Calls model libraries without a compiled extension: what `_native.c` does, at some microseconds more a call."""

from __future__ import annotations

import ctypes
import queue
from collections.abc import Sequence
from typing import Any

from ironworks.runtime.engines import Array

_ABI = 1


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


class Function:
    """What `_native.Function` is, without a compiled extension; its `run_into` trusts its caller."""

    compares = False

    def __init__(self, path: str, number: int, threads: int, make: object, templates: object) -> None:
        del make, templates
        self._library = ctypes.CDLL(path)
        self._library.ironworks_model_open.restype = ctypes.POINTER(_ModelStruct)
        model = self._library.ironworks_model_open()
        if not model or model.contents.abi != _ABI or number >= model.contents.variant_count:
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
