"""Runs a model with MNN: one thread's session has its own buffers."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ironworks.runtime.engines import Array, Engine, Folder
from ironworks.runtime.manifest import ArtifactError, Manifest, Tensor


@contextmanager
def _silence() -> Iterator[None]:
    """MNN writes about the processor to the standard output, which is the caller's."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


with _silence():
    import MNN


def start(manifest: Manifest, folder: Folder, threads: int) -> Engine:
    """Load the network, precision high (float32).

    Raises:
        ArtifactError: MNN refuses the model.
    """
    try:
        with _silence():
            interpreter = MNN.Interpreter(os.path.join(folder, manifest.entry))
    except Exception as error:  # it raises nothing more special
        raise ArtifactError(f"MNN {MNN.version()} cannot open the model: {error}") from error
    network = _Network(interpreter, manifest, threads)
    names = set(interpreter.getSessionInputAll(network.session().handle))
    if names != {tensor.name for tensor in manifest.inputs}:
        raise ArtifactError(
            f"The compiled model takes {', '.join(sorted(names))}, and the manifest says otherwise. Compile it again."
        )
    return network


class _Network:
    def __init__(self, interpreter: Any, manifest: Manifest, threads: int) -> None:
        self._interpreter = interpreter
        self._manifest = manifest
        self._settings = {"numThread": threads, "precision": "high", "backend": "CPU"}
        self._threads = threading.local()
        self._making = threading.Lock()

    def session(self) -> _Session:
        """This thread's."""
        session: _Session | None = getattr(self._threads, "session", None)
        if session is None:
            with self._making, _silence():
                handle = self._interpreter.createSession(self._settings)
            session = self._threads.session = _Session(self._interpreter, handle, self._manifest)
        return session

    def run(self, inputs: Sequence[Array], outputs: Sequence[Array] | None = None) -> list[Array]:
        return self.session().run(inputs, outputs)


def _host(tensor: Tensor, data: Array) -> Any:
    """MNN's view of an array in the order of ONNX."""
    return MNN.Tensor(tensor.shape, MNN.Halide_Type_Float, data, MNN.Tensor_DimensionType_Caffe)


class _Session:
    def __init__(self, interpreter: Any, handle: Any, manifest: Manifest) -> None:
        self.handle = handle
        self._interpreter = interpreter
        self._inputs = manifest.inputs
        self._sources = interpreter.getSessionInputAll(handle)
        self._results = interpreter.getSessionOutputAll(handle)
        self._outputs = manifest.outputs
        self._hosts = [_host(tensor, np.zeros(tensor.shape, np.float32)) for tensor in manifest.outputs]

    def run(self, inputs: Sequence[Array], outputs: Sequence[Array] | None) -> list[Array]:
        for tensor, array in zip(self._inputs, inputs, strict=True):
            self._sources[tensor.name].copyFrom(_host(tensor, array))
        self._interpreter.runSession(self.handle)
        answers = []
        for tensor, host in zip(self._outputs, self._hosts, strict=True):
            self._results[tensor.name].copyToHostTensor(host)
            answers.append(np.array(host.getNumpyData(), np.float32).reshape(tensor.shape))
        if outputs is None:
            return answers
        for array, answer in zip(outputs, answers, strict=True):
            np.copyto(array, answer)
        return list(outputs)
