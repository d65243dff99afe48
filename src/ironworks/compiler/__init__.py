"""Compiles a trained model for a target, and proves that the result is equal to the original.

import (a frontend) → one ONNX graph → passes → candidates (backends) → verified against the original → timed
→ the fastest becomes the artifact.

`parse_data_input_config`, `targets` and `FRAMEWORKS` are light, so a server can use them; the compiler proper
(`compile_model`, `MxnetReference`) is imported at first use, because it loads onnx.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ironworks.compiler.frontends import FRAMEWORKS
from ironworks.compiler.inputs import parse_data_input_config

if TYPE_CHECKING:
    from ironworks.compiler.pipeline import compile_model
    from ironworks.compiler.references import Reference
    from ironworks.compiler.references.mxnet import MxnetReference
    from ironworks.compiler.report import Report

__all__ = [
    "FRAMEWORKS",
    "MxnetReference",
    "Reference",
    "Report",
    "compile_model",
    "parse_data_input_config",
]

_LATE = {
    "compile_model": "ironworks.compiler.pipeline",
    "MxnetReference": "ironworks.compiler.references.mxnet",
    "Reference": "ironworks.compiler.references",
    "Report": "ironworks.compiler.report",
}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATE[name]), name)
