"""Operators of one tensor, element by element, as the steps that they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import pi, sqrt

import numpy as np
import onnx

from ironworks.compiler.backends.candidate import BackendSkipped
from ironworks.compiler.native.nodes import Graph, attributes_of, label, number
from ironworks.compiler.native.operations import Step


def _by(kind: str, value: float, swapped: bool = False) -> Step:
    return Step(kind, constant=np.array([value], np.float32), swapped=swapped)


def _with(kind: str, earlier: int, swapped: bool = False) -> Step:
    return Step(kind, earlier=earlier, swapped=swapped)


_PLAIN: Mapping[str, tuple[Step, ...]] = {
    "Relu": (Step("clip", low=0.0),),
    "Tanh": (Step("tanh"),),
    "Sigmoid": (Step("sigmoid"),),
    "Exp": (Step("exp"),),
    "Log": (Step("log"),),
    "Sqrt": (Step("sqrt"),),
    "Abs": (Step("abs"),),
    "Neg": (Step("neg"),),
    "Erf": (Step("erf"),),
    "Floor": (Step("floor"),),
    "Ceil": (Step("neg"), Step("floor"), Step("neg")),
    "Reciprocal": (_by("div", 1.0, swapped=True),),
    "HardSwish": (_by("mul", 1 / 6), _by("add", 0.5), Step("clip", low=0.0, high=1.0), _with("mul", 0)),
    "Softsign": (Step("abs"), _by("add", 1.0), _with("div", 0, swapped=True)),
}
# ln (1 + e^x) = ln (1 + e^-|x|) + (|x| + x) / 2, which cannot overflow.
_SOFTPLUS = (
    *(Step("abs"), Step("neg"), Step("exp"), _by("add", 1.0), Step("log")),
    *(_by("mul", 2.0), _with("add", 1), _with("add", 0), _by("mul", 0.5)),
)
# x · tanh (ln (1 + n)) = x · (n² + 2n) / (n² + 2n + 2) for n = e^x, which is x beyond 20.
_MISH = (
    *(Step("clip", high=20.0), Step("exp"), _by("add", 2.0), _with("mul", 2)),
    *(_by("add", 2.0), _with("div", 4, swapped=True), _with("mul", 0)),
)
_GELU = (_by("mul", 1 / sqrt(2)), Step("erf"), _by("add", 1.0), _with("mul", 0), _by("mul", 0.5))
# Hendrycks and Gimpel: x · (1 + tanh (√(2/π) · (x + 0.044715 x³))) / 2
_GELU_BY_TANH = (
    *(_with("mul", 0), _by("mul", 0.044715), _by("add", 1.0), _with("mul", 0), _by("mul", sqrt(2 / pi))),
    *(Step("tanh"), _by("add", 1.0), _with("mul", 0), _by("mul", 0.5)),
)


_Reader = Callable[[Graph, onnx.NodeProto], tuple[Step, ...]]


def _always(steps: tuple[Step, ...]) -> _Reader:
    return lambda graph, node: steps


def _clip(graph: Graph, node: onnx.NodeProto) -> tuple[Step, ...]:
    attributes = attributes_of(node)
    limits = [number(attributes, "min", float("-inf")), number(attributes, "max", float("inf"))]
    for position in (1, 2):
        given = graph.optional(node, position)
        if given is not None:
            limits[position - 1] = float(given.flat[0])
    return (Step("clip", low=limits[0], high=limits[1]),)


def _leaky_relu(graph: Graph, node: onnx.NodeProto) -> tuple[Step, ...]:
    slope = number(attributes_of(node), "alpha", 0.01)
    if not 0 <= slope <= 1:
        raise BackendSkipped(f"{label(node)} has the slope {slope}, which is not between 0 and 1")
    return (_by("leaky", slope),)


def _hard_sigmoid(graph: Graph, node: onnx.NodeProto) -> tuple[Step, ...]:
    attributes = attributes_of(node)
    alpha, beta = number(attributes, "alpha", 0.2), number(attributes, "beta", 0.5)
    return (_by("mul", alpha), _by("add", beta), Step("clip", low=0.0, high=1.0))


def _gelu(graph: Graph, node: onnx.NodeProto) -> tuple[Step, ...]:
    return _GELU_BY_TANH if attributes_of(node).get("approximate", b"none") == b"tanh" else _GELU


def _swish(graph: Graph, node: onnx.NodeProto) -> tuple[Step, ...]:
    alpha = number(attributes_of(node), "alpha", 1.0)
    return (*([] if alpha == 1 else [_by("mul", alpha)]), Step("sigmoid"), _with("mul", 0))


def _elu(graph: Graph, node: onnx.NodeProto) -> tuple[Step, ...]:
    alpha = number(attributes_of(node), "alpha", 1.0)
    if alpha != 1:
        raise BackendSkipped(f"{label(node)} has the alpha {alpha}, where it takes 1")
    return (Step("clip", high=0.0), Step("exp"), _by("sub", 1.0), _with("max", 0))


def _power(graph: Graph, node: onnx.NodeProto) -> tuple[Step, ...]:
    exponent = graph.constant(node, 1)
    powers: Mapping[float, tuple[Step, ...]] = {
        1.0: (_by("mul", 1.0),),
        2.0: (_with("mul", 0),),
        3.0: (_with("mul", 0), _with("mul", 0)),
        0.5: (Step("sqrt"),),
        -1.0: _PLAIN["Reciprocal"],
        -0.5: (Step("sqrt"), *_PLAIN["Reciprocal"]),
    }
    value = float(exponent.flat[0]) if exponent.size == 1 else float("nan")
    if value not in powers:
        raise BackendSkipped(f"{label(node)} raises to the power {value:g}, where it takes {sorted(powers)}")
    return powers[value]


ELEMENT_STEPS: Mapping[str, _Reader] = {
    **{name: _always(steps) for name, steps in _PLAIN.items()},
    "Softplus": _always(_SOFTPLUS),
    "Mish": _always(_MISH),
    "Clip": _clip,
    "LeakyRelu": _leaky_relu,
    "HardSigmoid": _hard_sigmoid,
    "Gelu": _gelu,
    "Elu": _elu,
    "Swish": _swish,
    "Pow": _power,
}
"""By operator; each answers the steps or raises BackendSkipped."""
