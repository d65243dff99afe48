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
        self._threads = threading.local()

    def run(self, inputs: Sequence[Array], outputs: Sequence[Array] | None = None) -> list[Array]:
        request = getattr(self._threads, "request", None)
        if request is None:
            request = self._threads.request = self._compiled.create_infer_request()
        request.infer(list(inputs), share_inputs=True)
        answers = [request.get_output_tensor(number).data for number in range(len(self._outputs))]
        if outputs is None:
            return [
                np.array(answer, tensor.dtype) for answer, tensor in zip(answers, self._outputs, strict=True)
            ]
        for array, answer in zip(outputs, answers, strict=True):
            np.copyto(array, answer)
        return list(outputs)
