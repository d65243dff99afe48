"""The graph itself as the original, where its framework is not there."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
import onnxruntime

from ironworks.compiler.references import Array, Reference
from ironworks.compiler.references.interpreter import InterpretedModel
from ironworks.compiler.work import operations
from ironworks.errors import PlatformError

_INTERPRETED = 1e8
"""Floating-point operations of a model that the interpreter runs a dozen times in less than a second."""
_CHECKED = 5e9
"""Of one that it runs once in a few seconds."""
_TOLERANCE = 1e-4


def graph_reference(model: onnx.ModelProto) -> Reference:
    """ONNX's own interpreter for small models; ONNX Runtime without optimisation for those that it is too slow for."""
    work = operations(model)
    if work is None or work <= _INTERPRETED:
        return InterpretedModel(model)
    return UnoptimisedModel(model, InterpretedModel(model) if work <= _CHECKED else None)


class UnoptimisedModel:
    """A `Reference` that ONNX Runtime runs node by node; its first answer is compared with the interpreter's."""

    def __init__(self, model: onnx.ModelProto, interpreter: InterpretedModel | None) -> None:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its exceptions have no common ancestor but this
            raise PlatformError(
                f"The model cannot be verified: ONNX Runtime cannot open it: {error}"
            ) from error
        self._interpreter = interpreter
        self.name = f"ONNX Runtime {onnxruntime.__version__}, not optimised"
        if interpreter is not None:
            self.name += f", and {interpreter.name}"

    def run(self, inputs: Mapping[str, Array]) -> list[Array]:
        """Run every node as it stands in the graph.

        Raises:
            PlatformError: ONNX Runtime cannot, or the interpreter gives another answer.
        """
        try:
            answers: list[Array] = self._session.run(None, dict(inputs))
        except Exception as error:
            raise PlatformError(
                f"The model cannot be verified: {self.name} failed with {error!r}."
            ) from error
        if self._interpreter is not None:
            interpreter, self._interpreter = self._interpreter, None
            _compare(answers, interpreter.run(inputs), self.name)
        return answers

    def microseconds(self, inputs: Mapping[str, Array]) -> float | None:  # noqa: ARG002
        """None: nobody would serve a model without optimisation."""
        return None


def _compare(answers: list[Array], others: list[Array], name: str) -> None:
    for answer, other in zip(answers, others, strict=True):
        scale = max(float(np.abs(other).max(initial=0)), 1e-30)
        if not np.allclose(answer / scale, other / scale, rtol=0, atol=_TOLERANCE, equal_nan=True):
            raise PlatformError(
                f"The model cannot be verified: {name} do not agree. Please report the model."
            )
