"""What turns the graph into something that runs: one module a backend, each with an engine in the runtime.

A backend has one function, `build(model, target, folder) -> list[Candidate]`, that writes its files into
`folder`, which is its own.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx

from ironworks.compiler.backends import onnxruntime
from ironworks.compiler.backends.candidate import Candidate
from ironworks.compiler.targets import Target

__all__ = ["BACKENDS", "Candidate"]

BACKENDS: dict[str, Callable[[onnx.ModelProto, Target, Path], list[Candidate]]] = {
    "onnxruntime": onnxruntime.build,
}
