"""ONNX's own interpreter: slow, readable, and written by others than the engines."""

from __future__ import annotations

from collections.abc import Mapping

import onnx
from onnx.reference import ReferenceEvaluator

from ironworks.compiler.references import Array
from ironworks.errors import PlatformError


class InterpretedModel:
    """A `Reference` that interprets the graph as it was imported."""

    name = f"ONNX {onnx.__version__} reference"

    def __init__(self, model: onnx.ModelProto) -> None:
        self._evaluator = ReferenceEvaluator(model)

    def run(self, inputs: Mapping[str, Array]) -> list[Array]:
        """Interpret the graph.

        Raises:
            PlatformError: the interpreter cannot.
        """
        try:
            return list(self._evaluator.run(None, dict(inputs)))
        except Exception as error:  # it raises whatever numpy and its operators raise
            raise PlatformError(
                f"The model cannot be verified: {self.name} failed with {error!r}."
            ) from error

    def microseconds(self, inputs: Mapping[str, Array]) -> float | None:  # noqa: ARG002
        """None: nobody would serve a model with it."""
        return None
