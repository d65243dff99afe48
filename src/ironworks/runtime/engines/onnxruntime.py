"""Runs a model with ONNX Runtime.

Inputs and outputs are bound to buffers that each thread keeps: `InferenceSession.run` spends about as long
on finding names and making arrays as a small model takes to compute.
"""

from __future__ import annotations

import os.path
import threading
from collections.abc import Sequence

import numpy as np
import onnxruntime

from ironworks.runtime.engines import Array, Engine, Folder, empty
from ironworks.runtime.manifest import ROWS, ArtifactError, Manifest, Tensor

_LEVELS = {
    "all": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
    "extended": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "none": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
}
_LOG_FATAL_ONLY = 4
_CPU_INFO = "/proc/cpuinfo"
_TYPES = {"float": "float32", "double": "float64"}
"""ONNX Runtime's names of dtypes where they are not numpy's."""


def start(manifest: Manifest, folder: Folder, threads: int) -> Engine:
    """Open a session. The option `optimization` is `all` (default), `extended` or `none`.

    With an option `spinning` of `run`, threads wait for work without sleep while a run lasts. With an option
    `precision` of int8, products are exact on x86-64 processors without VNNI too.

    Raises:
        ArtifactError: ONNX Runtime refuses the model.
    """
    level = manifest.options.get("optimization", "all")
    if level not in _LEVELS:
        raise ArtifactError(f"The option optimization is {level!r}; it can be {', '.join(_LEVELS)}.")
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = _LEVELS[level]
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _LOG_FATAL_ONLY
    # A worker that spins takes its core from the other instances of the machine: never between two runs.
    spins = manifest.options.get("spinning") == "run"
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spins)))
    options.add_session_config_entry("session.force_spinning_stop", "1")
    if manifest.options.get("precision", "").startswith("int8") and not _has_vnni():
        # Sums of two products would be cut off at 16 bits. With VNNI they are not, and this takes four times as long.
        options.add_session_config_entry("session.x64quantprecision", "1")
    for tensor in manifest.inputs[:1]:  # a file for several batch sizes is opened for this one
        options.add_free_dimension_override_by_name(ROWS, tensor.shape[0] if tensor.shape else 1)
    try:
        session = onnxruntime.InferenceSession(
            os.path.join(folder, manifest.entry), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # its exceptions have no common ancestor but this
        raise ArtifactError(
            f"ONNX Runtime {onnxruntime.__version__} cannot open the model: {error}"
        ) from error
    _compare("inputs", manifest.inputs, session.get_inputs())
    _compare("outputs", manifest.outputs, session.get_outputs())
    return _Session(session, manifest)


def _has_vnni() -> bool:
    """Whether the processor adds products of 8-bit numbers in 32 bits; no, where nothing says so."""
    try:
        with open(_CPU_INFO, encoding="ascii", errors="replace") as file:
            flags = file.read()
    except OSError:
        return False
    return "avx512_vnni" in flags or "avx_vnni" in flags


def _compare(what: str, described: Sequence[Tensor], found: Sequence[onnxruntime.NodeArg]) -> None:
    """The manifest itself has no checksum: what it says must be true of the model.

    Raises:
        ArtifactError: it is not.
    """
    tensors = [_tensor(node) for node in found]
    if list(described) != tensors:
        raise ArtifactError(
            f"The manifest describes the {what} {', '.join(map(str, described)) or 'none'}, and the compiled model "
            f"has {', '.join(map(str, tensors))}. Compile the model again."
        )


def _tensor(node: onnxruntime.NodeArg) -> Tensor:
    name = node.type.removeprefix("tensor(").removesuffix(")")
    return Tensor(node.name, tuple(node.shape), _TYPES.get(name, name))


class _Session:
    def __init__(self, session: onnxruntime.InferenceSession, manifest: Manifest) -> None:
        self._session = session
        self._inputs = manifest.inputs
        self._outputs = manifest.outputs
        self._threads = threading.local()

    def run(self, inputs: Sequence[Array], outputs: Sequence[Array] | None = None) -> list[Array]:
        binding = getattr(self._threads, "binding", None)
        if binding is None:
            binding = self._threads.binding = _Binding(self._session, self._inputs, self._outputs)
        return binding.run(inputs, outputs)


class _Binding:
    """One thread's buffers, and ONNX Runtime's view of them."""

    def __init__(
        self, session: onnxruntime.InferenceSession, inputs: Sequence[Tensor], outputs: Sequence[Tensor]
    ) -> None:
        self._session = session
        self._binding = session.io_binding()
        self._inputs = [empty(tensor.shape, tensor.dtype) for tensor in inputs]
        self._outputs = [empty(tensor.shape, tensor.dtype) for tensor in outputs]
        for tensor, buffer in zip(inputs, self._inputs, strict=True):
            self._binding.bind_input(
                tensor.name, "cpu", 0, np.dtype(tensor.dtype), tensor.shape, buffer.ctypes.data
            )
        for tensor, buffer in zip(outputs, self._outputs, strict=True):
            self._binding.bind_output(
                tensor.name, "cpu", 0, np.dtype(tensor.dtype), tensor.shape, buffer.ctypes.data
            )

    def run(self, inputs: Sequence[Array], outputs: Sequence[Array] | None) -> list[Array]:
        for buffer, array in zip(self._inputs, inputs, strict=True):
            np.copyto(buffer, array)
        self._session.run_with_iobinding(self._binding)
        if outputs is None:
            return [buffer.copy() for buffer in self._outputs]
        for array, buffer in zip(outputs, self._outputs, strict=True):
            np.copyto(array, buffer)
        return list(outputs)
