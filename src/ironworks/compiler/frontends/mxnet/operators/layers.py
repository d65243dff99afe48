"""Dense and embedding layers, activations, softmax, and what is nothing at inference."""

from __future__ import annotations

from math import prod

import numpy as np

from ironworks.compiler.frontends.mxnet.node import Node, UnsupportedVariant
from ironworks.compiler.frontends.mxnet.operators.table import operator

_ACTIVATIONS = {
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "softrelu": "Softplus",
    "softsign": "Softsign",
}


@operator("FullyConnected", trained=True)
def fully_connected(node: Node) -> str:
    shape, units = node.shape(), node.integer("num_hidden")
    flat = node.flag("flatten", True)
    features = prod(shape[1:]) if flat else shape[-1]
    weight = node.parameter(1, (units, features))
    bias = [] if node.flag("no_bias") else [node.parameter(2, (units,))]
    if flat or len(shape) == 2:
        rows = node.reshape(node.inputs[0], (shape[0], features), "_flat")
        return node.emit("Gemm", [rows, weight, *bias], transB=1)
    rows = node.reshape(node.inputs[0], (prod(shape[:-1]), features), "_rows")
    dense = node.emit("Gemm", [rows, weight, *bias], "_dense", transB=1)
    return node.reshape(dense, (*shape[:-1], units))


@operator("Activation")
def activation(node: Node) -> str:
    kind = node.text("act_type", "")
    if kind not in _ACTIVATIONS:
        raise UnsupportedVariant(f"act_type is {kind}, and only {', '.join(_ACTIVATIONS)} are supported")
    return node.emit(_ACTIVATIONS[kind], node.inputs)


@operator("LeakyReLU", trained=True)
def leaky_relu(node: Node) -> str:
    kind, data = node.text("act_type", "leaky"), node.inputs[:1]
    slope = node.number("slope", 0.25)
    if kind == "leaky":
        return node.emit("LeakyRelu", data, alpha=slope)
    if kind == "elu":
        return node.emit("Elu", data, alpha=slope)
    if kind == "selu":
        return node.emit("Selu", data)
    if kind == "gelu":
        return node.emit("Gelu", data)
    if kind == "rrelu":  # random while training, its mean at inference
        mean = (node.number("lower_bound", 0.125) + node.number("upper_bound", 0.334)) / 2
        return node.emit("LeakyRelu", data, alpha=mean)
    if kind == "prelu":
        channels = prod(node.shape(1))
        return node.emit("PRelu", [*data, _per_channel(node, node.inputs[1], channels)])
    raise UnsupportedVariant(
        f"act_type is {kind}, and only leaky, elu, selu, gelu, rrelu and prelu are supported"
    )


def _per_channel(node: Node, tensor: str, channels: int) -> str:
    return node.reshape(tensor, (channels, *[1] * (len(node.shape()) - 2)), "_slope")


@operator("Embedding", trained=True)
def embedding(node: Node) -> str:
    rows = node.integer("input_dim")
    table = node.parameter(1, (rows, node.integer("output_dim")))
    return gather_rows(node, table, node.inputs[0], rows, axis=0)


def gather_rows(node: Node, table: str, indices: str, count: int, axis: int) -> str:
    """`table` at `indices`, numbers of any dtype; those out of range count as the nearest within it."""
    whole = node.emit("Cast", [indices], "_index", to=7)  # TensorProto.INT64
    bounds = [node.constant("first", np.array(0)), node.constant("last", np.array(count - 1))]
    within = node.emit("Clip", [whole, *bounds], "_within")
    return node.emit("Gather", [table, within], axis=axis)


@operator("softmax")
def softmax(node: Node) -> str:
    return node.emit("Softmax", [_tempered(node)], axis=node.axis("axis", -1))


@operator("softmin")
def softmin(node: Node) -> str:
    negative = node.emit("Neg", [_tempered(node)], "_negative")
    return node.emit("Softmax", [negative], axis=node.axis("axis", -1))


@operator("log_softmax")
def log_softmax(node: Node) -> str:
    return node.emit("LogSoftmax", [_tempered(node)], axis=node.axis("axis", -1))


def _tempered(node: Node) -> str:
    node.expect("use_length", "False", "0")
    node.expect("dtype", "None", "float32")
    temperature = node.text("temperature", "None")
    if temperature == "None":
        return node.inputs[0]
    divisor = node.scalar("temperature", float(temperature))
    return node.emit("Div", [node.inputs[0], divisor], "_tempered")


@operator("SoftmaxActivation")
def softmax_activation(node: Node) -> str:
    axis = 1 if node.text("mode", "instance") == "channel" else -1
    return node.emit("Softmax", node.inputs, axis=axis)


@operator(
    *("identity", "_copy", "Dropout", "BlockGrad", "stop_gradient", "MakeLoss", "make_loss", "amp_cast"),
    "IdentityAttachKLSparseReg",
    inputs=1,
)
def nothing(node: Node) -> str:
    return node.inputs[0]
