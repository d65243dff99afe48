"""Ironworks trains, compiles and serves machine-learning models behind the Amazon SageMaker API.

`ironworks.compile` and `ironworks.load` need no server; they are imported at first use, because most of what
starts with this package needs neither onnx nor numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ironworks.compiler.library import Artifact, compile
    from ironworks.runtime import CompiledModel, load

__all__ = ["Artifact", "CompiledModel", "__version__", "compile", "load"]

__version__ = "0.1.0"

_LATE = {
    "Artifact": "ironworks.compiler.library",
    "compile": "ironworks.compiler.library",
    "CompiledModel": "ironworks.runtime",
    "load": "ironworks.runtime",
}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATE[name]), name)
