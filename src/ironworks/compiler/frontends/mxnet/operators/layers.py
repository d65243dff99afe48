"""Dense and embedding layers, activations, and what is nothing at inference."""

from __future__ import annotations

from math import prod

from ironworks.compiler.frontends.mxnet.node import Node
from ironworks.compiler.frontends.mxnet.operators.indexing import rows_within
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


@operator("Activation", only={"act_type": tuple(_ACTIVATIONS)})
def activation(node: Node) -> str:
    return node.emit(_ACTIVATIONS[node.attributes["act_type"]], node.inputs)


_LEAKY = ("leaky", "elu", "selu", "gelu", "rrelu", "prelu")


@operator("LeakyReLU", trained=True, only={"act_type": _LEAKY})
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
    channels = prod(node.shape(1))
    return node.emit("PRelu", [*data, _per_channel(node, node.inputs[1], channels)])


def _per_channel(node: Node, tensor: str, channels: int) -> str:
    return node.reshape(tensor, (channels, *[1] * (len(node.shape()) - 2)), "_slope")


@operator("Embedding", trained=True)
def embedding(node: Node) -> str:
    rows = node.integer("input_dim")
    table = node.parameter(1, (rows, node.integer("output_dim")))
    within = rows_within(node, node.inputs[0], rows)
    return node.emit("Gather", [table, within], axis=0)


@operator(
    *("identity", "_copy", "Dropout", "BlockGrad", "stop_gradient", "MakeLoss", "make_loss", "amp_cast"),
    *("IdentityAttachKLSparseReg", "_contrib_gradientmultiplier"),
    inputs=1,
    only={"mode": ("training",)},  # a Dropout that is always on has no answer of its own
)
def nothing(node: Node) -> str:
    return node.inputs[0]


@operator("amp_multicast")
def common_precision(node: Node) -> list[str]:
    return list(node.inputs)
