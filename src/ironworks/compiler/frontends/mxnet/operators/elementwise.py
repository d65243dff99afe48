"""Operators that work element by element."""

from __future__ import annotations

import numpy as np

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
    "NotEqual": ("_not_equal", "broadcast_not_equal"),
}
_LOGIC = {"And": "logical_and", "Or": "logical_or", "Xor": "logical_xor"}
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
_SCALAR_COMPARISONS = {
    "Greater": ("_greater_scalar", "_GreaterScalar"),
    "GreaterOrEqual": ("_greater_equal_scalar", "_GreaterEqualScalar"),
    "Less": ("_lesser_scalar", "_LesserScalar"),
    "LessOrEqual": ("_lesser_equal_scalar", "_LesserEqualScalar"),
    "Equal": ("_equal_scalar", "_EqualScalar"),
    "NotEqual": ("_not_equal_scalar", "_NotEqualScalar"),
}
_LOGARITHMS = {"log2": 2.0, "log10": 10.0}
_UNARY = {
    **{name.capitalize(): (name,) for name in ("abs", "ceil", "floor", "exp", "sqrt", "reciprocal", "erf")},
    **{name.capitalize(): (name,) for name in ("relu", "sigmoid", "tanh", "softsign", "sign", "sin", "cos")},
    **{name.capitalize(): (name,) for name in ("tan", "sinh", "cosh")},
    **{f"{name.capitalize()}": (f"arc{name[1:]}",) for name in ("asin", "acos", "atan")},
    **{f"{name.capitalize()}": (f"arc{name[1:]}",) for name in ("asinh", "acosh", "atanh")},
    **{"Log": ("log",), "Neg": ("negative", "_np_negative")},
}


def _direct(target: str) -> Translation:
    return lambda node: node.emit(target, node.inputs)


def _comparison(target: str) -> Translation:
    return lambda node: _compared(node, target, node.inputs[1])


def _scalar_comparison(target: str) -> Translation:
    return lambda node: _compared(node, target, node.scalar("scalar", node.number("scalar", 0)))


def _compared(node: Node, target: str, other: str) -> str:
    if target == "NotEqual":
        truth = node.emit("Not", [node.emit("Equal", [node.inputs[0], other], "_equal")], "_truth")
    else:
        truth = node.emit(target, [node.inputs[0], other], "_truth")
    return node.cast(truth, node.dtype())  # MXNet's truth is 0 and 1 in the dtype of what is compared


def _logic(target: str) -> Translation:
    def translate(node: Node) -> str:
        truths = [
            node.cast(tensor, np.bool_, f"_{side}") for tensor, side in zip(node.inputs, "ab", strict=True)
        ]
        return node.cast(node.emit(target, truths, "_truth"), node.dtype())

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


for _target, _names in _SCALAR_COMPARISONS.items():
    operator(*_names)(_scalar_comparison(_target))
for _target, _name in _LOGIC.items():
    operator(f"_{_name}", f"broadcast_{_name}")(_logic(_target))


@operator("Cast", "cast")
def cast(node: Node) -> str:
    return node.cast(node.inputs[0], widened(np.dtype(node.text("dtype", "float32"))))


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


@operator("log2", "log10")
def logarithm(node: Node) -> str:
    factor = node.scalar("factor", 1 / np.log(_LOGARITHMS[node.operator]))
    return node.emit("Mul", [node.emit("Log", node.inputs, "_log"), factor])


@operator("logical_not")
def logical_not(node: Node) -> str:
    return node.cast(node.emit("Not", [node.cast(node.inputs[0], np.bool_, "_truth")], "_not"), node.dtype())


@operator("broadcast_mod", "_mod", "_Mod")
def modulo(node: Node) -> str:
    return _modulo(node, node.inputs[0], node.inputs[1])


@operator("_mod_scalar", "_ModScalar")
def modulo_scalar(node: Node) -> str:
    return _modulo(node, node.inputs[0], node.scalar("scalar", node.number("scalar", 0)))


@operator("_rmod_scalar", "_RModScalar")
def scalar_modulo(node: Node) -> str:
    return _modulo(node, node.scalar("scalar", node.number("scalar", 0)), node.inputs[0])


def _modulo(node: Node, dividend: str, divisor: str) -> str:
    """What is left has the sign of the divisor; where that is 0 the answer is 0."""
    zero, one = node.scalar("zero", 0), node.scalar("one", 1)
    nothing = node.emit("Equal", [divisor, zero], "_nothing")
    safe = node.emit("Where", [nothing, one, divisor], "_safe")
    if not np.issubdtype(node.dtype(), np.floating):
        rest = node.emit("Mod", [dividend, safe], "_rest")
    else:
        rest = node.emit("Mod", [dividend, safe], "_remainder", fmod=1)
        opposite = node.emit("Less", [node.emit("Mul", [rest, safe], "_product"), zero], "_opposite")
        rest = node.emit("Where", [opposite, node.emit("Add", [rest, safe], "_raised"), rest], "_rest")
    return node.emit("Where", [nothing, zero, rest])


@operator("round", "fix", "trunc")
def round_size(node: Node) -> str:
    """Away from zero at a half (`round`), or always towards it; ONNX's Round goes to the even number."""
    size = node.emit("Abs", node.inputs, "_size")
    if node.operator == "round":
        size = node.emit("Add", [size, node.scalar("half", 0.5)], "_more")
    sign = node.emit("Sign", node.inputs, "_sign")
    return node.emit("Mul", [node.emit("Floor", [size], "_floor"), sign])


@operator("rint")
def round_down_at_half(node: Node) -> str:
    return node.emit("Ceil", [node.emit("Sub", [node.inputs[0], node.scalar("half", 0.5)], "_less")])


@operator("_hypot", "broadcast_hypot")
def hypotenuse(node: Node) -> str:
    squares = [node.emit("Mul", [tensor] * 2, f"_square{side}") for side, tensor in enumerate(node.inputs)]
    return node.emit("Sqrt", [node.emit("Add", squares, "_sum")])


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
    truth = node.cast(node.inputs[0], np.bool_, "_truth")
    if len(node.shape()) == 1 < len(node.shape(1)):  # one truth for each row
        truth = node.reshape(truth, (*node.shape(), *[1] * (len(node.shape(1)) - 1)), "_rows")
    return node.emit("Where", [truth, *node.inputs[1:]])
