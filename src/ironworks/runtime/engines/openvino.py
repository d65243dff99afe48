"""Runs a model with OpenVINO: one thread's request has its own buffers."""

from __future__ import annotations

import os.path
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import openvino

from ironworks.runtime.engines import Array, Engine, Folder
from ironworks.runtime.manifest import ArtifactError, Manifest

_COPIED = 1 << 20
"""Bytes of the inputs: to copy them costs less than to give the request other memory, about 40 µs a call."""


def start(manifest: Manifest, folder: Folder, threads: int) -> Engine:
    """Compile the model for this machine, for the shortest time of one call.

    It computes in float32; with the option `precision` of `bf16` in bfloat16, on processors that have it.

    Raises:
        ArtifactError: OpenVINO refuses the model.
    """
    settings: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "bf16" if manifest.options.get("precision") == "bf16" else "f32",
    }
    try:
        core = openvino.Core()
        model = core.read_model(os.path.join(folder, manifest.entry))
        if any(port.get_partial_shape().is_dynamic for port in model.inputs):  # it is for several batch sizes
            model.reshape({tensor.name: list(tensor.shape) for tensor in manifest.inputs})
        compiled = core.compile_model(model, "CPU", settings)
        shapes = [tuple(port.shape) for port in (*compiled.inputs, *compiled.outputs)]
    except Exception as error:  # its exceptions have no common ancestor but this
        raise ArtifactError(f"OpenVINO {openvino.__version__} cannot open the model: {error}") from error
    if shapes != [tensor.shape for tensor in (*manifest.inputs, *manifest.outputs)]:
        raise ArtifactError(
            f"The manifest describes other shapes than the compiled model has ({shapes}). Compile the model again."
        )
    return _Model(compiled, manifest)


class _Model:
    def __init__(self, compiled: Any, manifest: Manifest) -> None:
        self._compiled = compiled
        self._outputs = manifest.outputs
        size = sum(tensor.size * np.dtype(tensor.dtype).itemsize for tensor in manifest.inputs)
        self._copies = size <= _COPIED
        self._threads = threading.local()

    def run(self, inputs: Sequence[Array], outputs: Sequence[Array] | None = None) -> list[Array]:
        request: _Request | None = getattr(self._threads, "request", None)
        if request is None:
            request = self._threads.request = _Request(self._compiled, self._copies)
        answers = request.run(inputs)
        if outputs is None:
            return [
                np.array(answer, tensor.dtype) for answer, tensor in zip(answers, self._outputs, strict=True)
            ]
        for array, answer in zip(outputs, answers, strict=True):
            np.copyto(array, answer)
        return list(outputs)


class _Request:
    """One thread's, with buffers of its own; `copies` says whether inputs are copied into them."""

    def __init__(self, compiled: Any, copies: bool) -> None:
        self._request = compiled.create_infer_request()
        self._answers = [self._request.get_output_tensor(n).data for n in range(len(compiled.outputs))]
        self._inputs = (
            [self._request.get_input_tensor(n).data for n in range(len(compiled.inputs))] if copies else None
        )

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """The answers, which the next run overwrites."""
        # They are in the request's own tensors, so they need not be copied for the result of this call.
        if self._inputs is None:
            self._request.infer(list(inputs), share_inputs=True, share_outputs=True)
        else:
            for buffer, array in zip(self._inputs, inputs, strict=True):
                np.copyto(buffer, array)
            self._request.infer(share_outputs=True)
        return self._answers
