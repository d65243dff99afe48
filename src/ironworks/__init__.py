"""Ironworks trains, compiles and serves machine-learning models behind the Amazon SageMaker API.

`import ironworks as iw` has the SDK: `iw.MXNet(…).fit(…).compile(…).deploy().predict(…)`. `iw.compile` and `iw.load`
need no server. All of it is imported at first use, because most of what starts with this package needs neither
onnx nor numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ironworks.compiler.library import Artifact, compile
    from ironworks.errors import ClientError, IronworksError
    from ironworks.runtime import CompiledModel, load
    from ironworks.sdk.drawing.drawing import NothingDrawn
    from ironworks.sdk.drawing.show import draw
    from ironworks.sdk.errors import (
        CompilationFailed,
        DeploymentFailed,
        Failed,
        InvocationFailed,
        RequestRefused,
        ServerUnreachable,
        TrainingFailed,
    )
    from ironworks.sdk.estimator import Estimator, MXNet
    from ironworks.sdk.jobs import CompilationJob, TrainingJob
    from ironworks.sdk.model import Model
    from ironworks.sdk.predictor import Predictor
    from ironworks.sdk.serializers import (
        ArrayDeserializer,
        BytesDeserializer,
        BytesSerializer,
        CSVSerializer,
        JSONDeserializer,
        JSONSerializer,
        NumpySerializer,
    )
    from ironworks.sdk.session import Session, get_execution_role

__all__ = [
    "ArrayDeserializer",
    "Artifact",
    "BytesDeserializer",
    "BytesSerializer",
    "CSVSerializer",
    "ClientError",
    "CompilationFailed",
    "CompilationJob",
    "CompiledModel",
    "DeploymentFailed",
    "Estimator",
    "Failed",
    "InvocationFailed",
    "IronworksError",
    "JSONDeserializer",
    "JSONSerializer",
    "MXNet",
    "Model",
    "NothingDrawn",
    "NumpySerializer",
    "Predictor",
    "RequestRefused",
    "ServerUnreachable",
    "Session",
    "TrainingFailed",
    "TrainingJob",
    "__version__",
    "compile",
    "draw",
    "get_execution_role",
    "load",
]

__version__ = "0.1.0"

_LATE = {
    "ironworks.compiler.library": ("Artifact", "compile"),
    "ironworks.errors": ("ClientError", "IronworksError"),
    "ironworks.runtime": ("CompiledModel", "load"),
    "ironworks.sdk.drawing.drawing": ("NothingDrawn",),
    "ironworks.sdk.drawing.show": ("draw",),
    "ironworks.sdk.errors": (
        "CompilationFailed",
        "DeploymentFailed",
        "Failed",
        "InvocationFailed",
        "RequestRefused",
        "ServerUnreachable",
        "TrainingFailed",
    ),
    "ironworks.sdk.estimator": ("Estimator", "MXNet"),
    "ironworks.sdk.jobs": ("CompilationJob", "TrainingJob"),
    "ironworks.sdk.model": ("Model",),
    "ironworks.sdk.predictor": ("Predictor",),
    "ironworks.sdk.serializers": (
        "ArrayDeserializer",
        "BytesDeserializer",
        "BytesSerializer",
        "CSVSerializer",
        "JSONDeserializer",
        "JSONSerializer",
        "NumpySerializer",
    ),
    "ironworks.sdk.session": ("Session", "get_execution_role"),
}
_MODULES = {name: module for module, names in _LATE.items() for name in names}
_NOT_TRAINED = ("Chainer", "HuggingFace", "PyTorch", "RLEstimator", "SKLearn", "TensorFlow", "XGBoost")
"""Estimators of the SageMaker SDK whose frameworks have no environment here."""


def __getattr__(name: str) -> Any:
    if name in _NOT_TRAINED:
        raise AttributeError(
            f"Ironworks does not train with {name}: there are iw.MXNet, and iw.Estimator for scripts that need Python "
            "alone or install what they need. A model in ONNX can be compiled and deployed: iw.Model('model.onnx')."
        )
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
