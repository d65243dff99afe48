"""Softmax and its kin."""

from __future__ import annotations

import numpy as np

from ironworks.compiler.frontends.mxnet.node import Node
from ironworks.compiler.frontends.mxnet.operators.table import operator

_VARIANTS = {"dtype": ("None", "float32"), "use_length": ("False", "0", "None")}
_SOFTMAX_VARIANTS = {"dtype": _VARIANTS["dtype"]}


@operator("softmax", only=_SOFTMAX_VARIANTS)
def softmax(node: Node) -> str:
    axis, logits = node.axis("axis", -1), _tempered(node)
    if not node.flag("use_length"):
        return node.emit("Softmax", [logits], axis=axis)
    shape = node.shape()
    places = np.arange(shape[axis]).reshape([-1 if position == axis else 1 for position in range(len(shape))])
    sizes = [1 if position == axis else size for position, size in enumerate(shape)]
    lengths = node.reshape(node.cast(node.inputs[1], np.int64, "_length"), sizes, "_lengths")
    within = node.emit("Less", [node.constant("places", places), lengths], "_within")
    masked = node.emit(
        "Where", [within, logits, node.scalar("least", float(np.finfo(np.float32).min))], "_masked"
    )
    shares = node.emit("Softmax", [masked], "_shares", axis=axis)
    return node.emit("Where", [within, shares, node.scalar("zero", 0)])


@operator("softmin", only=_VARIANTS)
def softmin(node: Node) -> str:
    negative = node.emit("Neg", [_tempered(node)], "_negative")
    return node.emit("Softmax", [negative], axis=node.axis("axis", -1))


@operator("log_softmax", only=_VARIANTS)
def log_softmax(node: Node) -> str:
    return node.emit("LogSoftmax", [_tempered(node)], axis=node.axis("axis", -1))


def _tempered(node: Node) -> str:
    if not node.given("temperature"):
        return node.inputs[0]
    divisor = node.scalar("temperature", node.number("temperature", 1))
    return node.emit("Div", [node.inputs[0], divisor], "_tempered")


@operator("SoftmaxActivation")
def softmax_activation(node: Node) -> str:
    axis = 1 if node.text("mode", "instance") == "channel" else -1
    return node.emit("Softmax", node.inputs, axis=axis)
