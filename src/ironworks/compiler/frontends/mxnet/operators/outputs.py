"""Output layers. Each takes a label after its data, which inference has no use for."""

from __future__ import annotations

from math import prod

from ironworks.compiler.frontends.mxnet.node import Node
from ironworks.compiler.frontends.mxnet.operators.table import operator


@operator("SoftmaxOutput", "Softmax", inputs=1)
def softmax_output(node: Node) -> str:
    if node.flag("multi_output"):
        return node.emit("Softmax", node.inputs, axis=1)
    if node.flag("preserve_shape"):
        return node.emit("Softmax", node.inputs, axis=-1)
    shape = node.shape()  # over all that follows the first axis
    rows = node.reshape(node.inputs[0], (shape[0], prod(shape[1:])), "_flat")
    return node.reshape(node.emit("Softmax", [rows], axis=-1), shape, "_shaped")


@operator("LogisticRegressionOutput", inputs=1)
def logistic_output(node: Node) -> str:
    return node.emit("Sigmoid", node.inputs)


@operator("LinearRegressionOutput", "MAERegressionOutput", "SVMOutput", inputs=1)
def linear_output(node: Node) -> str:
    return node.inputs[0]
