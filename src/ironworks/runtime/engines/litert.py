"""Runs a model with LiteRT: one thread's interpreter has its own buffers."""

from __future__ import annotations

import os.path
import threading
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from ironworks.runtime.engines import Array, Engine, Folder
from ironworks.runtime.manifest import ArtifactError, Manifest, Tensor


def start(manifest: Manifest, folder: Folder, threads: int) -> Engine:
    """Load the model, whose signature has the inputs `args_0` … and the outputs `output_0` …, in float32.

    Raises:
        ArtifactError: LiteRT refuses the model, or it is another one than the manifest describes.
    """
    with open(os.path.join(folder, manifest.entry), "rb") as file:
        model = _Model(manifest, file.read(), threads)
    try:
        model.interpreter()
    except ArtifactError:
        raise
    except Exception as error:  # ValueError and RuntimeError, and what its bindings add
        raise ArtifactError(f"LiteRT {version('ai-edge-litert')} cannot open the model: {error}") from error
    return model


class _Model:
    """Keeps the file's content: other threads' interpreters are made when the file may be gone."""

    def __init__(self, manifest: Manifest, content: bytes, threads: int) -> None:
        self._manifest = manifest
        self._content = content
        self._count = threads
        self._threads = threading.local()

    def interpreter(self) -> _Interpreter:
        """This thread's."""
        interpreter: _Interpreter | None = getattr(self._threads, "interpreter", None)
        if interpreter is None:
            interpreter = _Interpreter(self._manifest, self._content, self._count)
            self._threads.interpreter = interpreter
        return interpreter

    def run(self, inputs: Sequence[Array], outputs: Sequence[Array] | None = None) -> list[Array]:
        return self.interpreter().run(inputs, outputs)


class _Interpreter:
    def __init__(self, manifest: Manifest, content: bytes, threads: int) -> None:
        self._library = Interpreter(model_content=content, num_threads=threads)
        self._inputs, self._outputs = self._places(manifest)
        self._library.allocate_tensors()

    def _places(self, manifest: Manifest) -> tuple[list[tuple[int, Any]], list[int]]:
        """Where the tensors of the manifest are, and the dtypes of the inputs.

        What the library gives of itself must not outlive this: it does not run as long as somebody refers to it.
        """
        signature = self._library.get_signature_runner()
        given, answered = signature.get_input_details(), signature.get_output_details()
        inputs = [given.get(f"args_{number}") for number in range(len(manifest.inputs))]
        outputs = [answered.get(f"output_{number}") for number in range(len(manifest.outputs))]
        expected = [*manifest.inputs, *manifest.outputs]
        if len(given) + len(answered) != len(expected) or not all(
            detail is not None and _fits(detail, tensor)
            for detail, tensor in zip([*inputs, *outputs], expected, strict=True)
        ):
            raise ArtifactError(
                "The manifest describes other inputs and outputs than the compiled model has. Compile it again."
            )
        return [(int(item["index"]), item["dtype"]) for item in inputs], [
            int(item["index"]) for item in outputs
        ]

    def run(self, inputs: Sequence[Array], outputs: Sequence[Array] | None) -> list[Array]:
        for (place, dtype), array in zip(self._inputs, inputs, strict=True):
            self._library.set_tensor(place, array.astype(dtype, copy=False))
        self._library.invoke()
        answers = [self._library.get_tensor(place) for place in self._outputs]
        if outputs is None:
            return answers
        for array, answer in zip(outputs, answers, strict=True):
            np.copyto(array, answer)
        return list(outputs)


def _fits(detail: Any, tensor: Tensor) -> bool:
    """Same shape, and a dtype of the same kind: the converter makes int32 of int64."""
    return (
        tuple(detail["shape"]) == tensor.shape
        and np.dtype(detail["dtype"]).kind == np.dtype(tensor.dtype).kind
    )
