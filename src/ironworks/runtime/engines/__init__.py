"""What executes compiled code: one module an engine, imported when an artifact names it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from ironworks.runtime.manifest import ArtifactError, Manifest

Array = NDArray[Any]
Folder = os.PathLike[str] | str

_ENGINES = {
    "native": "ironworks",
    "onnxruntime": "onnxruntime",
    "openvino": "openvino",
    "ncnn": "ncnn",
    "mnn": "MNN",
    "litert": "ai-edge-litert",
}
"""Modules of this package, and the distributions that they need."""


class Engine(Protocol):
    """A loaded model.

    An engine's module has one function `start(manifest, folder, threads) -> Engine`.
    """

    def run(self, inputs: Sequence[Array], outputs: Sequence[Array] | None = None) -> list[Array]:
        """Execute the model. Safe to call from several threads.

        Arrays are C-contiguous, of the shapes and dtypes and in the order of the manifest. The answered ones
        are `outputs`, or new with each call.
        """


def start(manifest: Manifest, folder: Folder, threads: int) -> Engine:
    """Start the engine that `manifest` names on the files in `folder`, or those of its variants.

    Raises:
        ArtifactError: an engine is unknown or not installed, or cannot open its file.
    """
    if manifest.variants:
        from ironworks.runtime.engines.batches import combine

        return combine(
            [start(manifest.of(variant), folder, threads) for variant in manifest.variants], manifest
        )
    if manifest.engine not in _ENGINES:
        raise ArtifactError(
            f"The compiled model runs on the engine {manifest.engine!r}; this runtime has "
            f"{', '.join(_ENGINES)}. Compile the model again with this version of Ironworks."
        )
    try:
        module = import_module(f"{__name__}.{manifest.engine}")
    except ImportError as error:
        raise ArtifactError(
            f"The compiled model runs on {manifest.engine}, which is not installed here ({error}). "
            f"Install it: pip install {_ENGINES[manifest.engine]}"
        ) from error
    return cast(Engine, module.start(manifest, folder, threads))


def empty(shape: tuple[int, ...], dtype: str) -> Array:
    """A new array whose first element lies on a 64-byte boundary, a cache line and the widest vector."""
    kind = np.dtype(dtype)
    size = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
    buffer = np.empty(size + 64, np.uint8)
    offset = -buffer.ctypes.data % 64
    return buffer[offset : offset + size].view(kind).reshape(shape)
