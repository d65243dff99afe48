"""Operators that work element by element."""

from __future__ import annotations

import numpy as np
from onnx import helper

from ironworks.compiler.frontends.mxnet.node import Node, widened
from ironworks.compiler.frontends.mxnet.operators.table import Translation, operator

_BINARY = {
    "Add": ("elemwise_add", "_plus", "_Plus", "_add", "_grad_add", "broadcast_add", "broadcast_plus"),
    "Sub": ("elemwise_sub", "_minus", "_Minus", "_sub", "broadcast_sub", "broadcast_minus"),
    "Mul": ("elemwise_mul", "_mul", "_Mul", "broadcast_mul"),
    "Div": ("elemwise_div", "_div", "_Div", "broadcast_div"),
    "Pow": ("_power", "_Power", "broadcast_power"),
    "Max": ("_maximum", "_Maximum", "broadcast_maximum"),
    "Min": ("_minimum", "_Minimum", "broadcast_minimum"),
    "Sum": ("add_n", "ElementWiseSum", "_sum"),
}
_COMPARISONS = {
    "Greater": ("_greater", "broadcast_greater"),
    "GreaterOrEqual": ("_greater_equal", "broadcast_greater_equal"),
    "Less": ("_lesser", "broadcast_lesser"),
    "LessOrEqual": ("_lesser_equal", "broadcast_lesser_equal"),
    "Equal": ("_equal", "broadcast_equal"),
}
_SCALAR = {
    "Add": ("_plus_scalar", "_PlusScalar"),
    "Sub": ("_minus_scalar", "_MinusScalar"),
    "Mul": ("_mul_scalar", "_MulScalar"),
    "Div": ("_div_scalar", "_DivScalar"),
    "Pow": ("_power_scalar", "_PowerScalar"),
    "Max": ("_maximum_scalar", "_MaximumScalar"),
    "Min": ("_minimum_scalar", "_MinimumScalar"),
}
_SCALAR_FIRST = {
    "Sub": ("_rminus_scalar", "_RMinusScalar"),
    "Div": ("_rdiv_scalar", "_RDivScalar"),
    "Pow": ("_rpower_scalar", "_RPowerScalar"),
}
_UNARY = {
    **{name.capitalize(): (name,) for name in ("abs", "ceil", "floor", "exp", "sqrt", "reciprocal", "erf")},
    **{name.capitalize(): (name,) for name in ("relu", "sigmoid", "tanh", "softsign", "sign", "sin", "cos")},
    **{"Log": ("log",), "Neg": ("negative", "_np_negative")},
}


def _direct(target: str) -> Translation:
    return lambda node: node.emit(target, node.inputs)


def _comparison(target: str) -> Translation:
    def translate(node: Node) -> str:
        truth = node.emit(target, node.inputs, "_truth")
        return _cast(node, truth, node.dtype())  # MXNet's truth is 0 and 1 in the dtype of what is compared

    return translate


def _with_scalar(target: str, scalar_first: bool = False) -> Translation:
    def translate(node: Node) -> str:
        operands = [node.inputs[0], node.scalar("scalar", node.number("scalar", 0))]
        return node.emit(target, operands[::-1] if scalar_first else operands)

    return translate


for _target, _names in (_BINARY | _UNARY).items():
    operator(*_names)(_direct(_target))
for _target, _names in _COMPARISONS.items():
    operator(*_names)(_comparison(_target))
for _target, _names in _SCALAR.items():
    operator(*_names)(_with_scalar(_target))
for _target, _names in _SCALAR_FIRST.items():
    operator(*_names)(_with_scalar(_target, scalar_first=True))


def _cast(node: Node, tensor: str, dtype: np.dtype[np.generic]) -> str:
    return node.emit("Cast", [tensor], to=helper.np_dtype_to_tensor_dtype(dtype))


@operator("Cast", "cast")
def cast(node: Node) -> str:
    return _cast(node, node.inputs[0], widened(np.dtype(node.text("dtype", "float32"))))


@operator("clip")
def clip(node: Node) -> str:
    bounds = [node.scalar("least", node.number("a_min", 0)), node.scalar("most", node.number("a_max", 0))]
    return node.emit("Clip", [node.inputs[0], *bounds])


@operator("square")
def square(node: Node) -> str:
    return node.emit("Mul", [node.inputs[0]] * 2)


@operator("rsqrt")
def reciprocal_root(node: Node) -> str:
    return node.emit("Reciprocal", [node.emit("Sqrt", node.inputs, "_root")])


@operator("log1p")
def log_one_plus(node: Node) -> str:
    return node.emit("Log", [node.emit("Add", [node.inputs[0], node.scalar("one", 1)], "_sum")])


@operator("expm1")
def exp_minus_one(node: Node) -> str:
    return node.emit("Sub", [node.emit("Exp", node.inputs, "_exp"), node.scalar("one", 1)])


@operator("smooth_l1")
def smooth_l1(node: Node) -> str:
    """0.5 (s x)² where |x| < 1/s², |x| - 0.5/s² elsewhere."""
    square_scale = node.number("scalar", 1.0) ** 2
    size = node.emit("Abs", node.inputs, "_size")
    near = node.emit("Less", [size, node.scalar("limit", 1 / square_scale)], "_near")
    squared = node.emit("Mul", [size, size], "_squared")
    inner = node.emit("Mul", [squared, node.scalar("half", 0.5 * square_scale)], "_inner")
    outer = node.emit("Sub", [size, node.scalar("offset", 0.5 / square_scale)], "_outer")
    return node.emit("Where", [near, inner, outer])


@operator("hard_sigmoid")
def hard_sigmoid(node: Node) -> str:
    return node.emit(
        "HardSigmoid", node.inputs, alpha=node.number("alpha", 0.2), beta=node.number("beta", 0.5)
    )


@operator("where")
def where(node: Node) -> str:
    truth = node.emit("Cast", node.inputs[:1], "_truth", to=helper.np_dtype_to_tensor_dtype(np.dtype(bool)))
    return node.emit("Where", [truth, *node.inputs[1:]])


@operator("zeros_like")
def zeros_like(node: Node) -> str:
    return node.constant("zeros", np.zeros(node.shape(), node.dtype()))


@operator("ones_like")
def ones_like(node: Node) -> str:
    return node.constant("ones", np.ones(node.shape(), node.dtype()))
