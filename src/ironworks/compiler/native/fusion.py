"""From ONNX nodes to operations: each node read by itself, then element-wise nodes joined to what feeds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod

import numpy as np
import onnx
from onnx import helper, numpy_helper

from ironworks.compiler.backends.candidate import BackendSkipped
from ironworks.compiler.native.operations import Array, Operation, Step

_UNARY = {
    "Relu": Step("clip", low=0.0),
    "Tanh": Step("tanh"),
    "Sigmoid": Step("sigmoid"),
    "Exp": Step("exp"),
    "Sqrt": Step("sqrt"),
    "Abs": Step("abs"),
    "Neg": Step("neg"),
    "Erf": Step("erf"),
}
_BINARY = {"Add": "add", "Sub": "sub", "Mul": "mul", "Div": "div", "Max": "max", "Min": "min"}
_MONOTONE = ("clip", "tanh", "sigmoid", "exp")
"""Steps that keep the order of numbers."""
_JOINABLE = ("dense", "convolution", "max_pool", "average_pool", "elementwise")


class Network:
    """The operations of a graph in order, and the shape of each tensor."""

    def __init__(self, model: onnx.ModelProto) -> None:
        graph = model.graph
        self.constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        self.shapes: dict[str, tuple[int, ...]] = {}
        for value in [*graph.value_info, *graph.input, *graph.output]:
            kind = value.type.tensor_type
            self.shapes[value.name] = tuple(item.dim_value for item in kind.shape.dim)
            self._check_type(value.name, kind.elem_type)
        self.inputs = [value.name for value in graph.input if value.name not in self.constants]
        self.outputs = [value.name for value in graph.output]
        self.operations = [self._read(node) for node in graph.node]
        self._join()
        self._delay_steps()

    def _check_type(self, name: str, kind: int) -> None:
        if name not in self.constants and kind != onnx.TensorProto.FLOAT:
            raise BackendSkipped(f"{name} is no tensor of float32, the one dtype that it generates code for")

    def _read(self, node: onnx.NodeProto) -> Operation:
        reader = _READERS.get(node.op_type)
        if reader is None or node.domain not in ("", "ai.onnx"):
            raise BackendSkipped(f"it generates no code for the operator {node.op_type} ({_name(node)})")
        missing = [name for name in node.output if name and name not in self.shapes]
        if missing or len([name for name in node.output if name]) != 1:
            raise BackendSkipped(f"the outputs of {_name(node)} are not one tensor of a known shape")
        if any(not 1 <= len(self.shapes.get(name, (1,))) <= 4 for name in [*node.input, *node.output]):
            raise BackendSkipped(f"{_name(node)} has tensors of more than four dimensions, or of none")
        operation = reader(self, node)
        if any(name in self.constants for name in operation.reads):
            raise BackendSkipped(f"{_name(node)} works on constants only")
        return operation

    def constant(self, node: onnx.NodeProto, position: int) -> Array:
        """The constant that is input `position` of `node`.

        Raises:
            BackendSkipped: it is computed.
        """
        name = node.input[position]
        if name not in self.constants:
            raise BackendSkipped(f"the input {name} of {_name(node)} is computed, where it takes a constant")
        return self.constants[name]

    def consumers(self, tensor: str) -> int:
        """How many times `tensor` is read; an output of the graph is read once by the caller."""
        return sum(item.reads.count(tensor) for item in self.operations) + self.outputs.count(tensor)

    def _join(self) -> None:
        """Append the steps of element-wise operations to the operation that feeds them."""
        kept: list[Operation] = []
        made: dict[str, int] = dict.fromkeys(self.inputs, -1)
        for operation in self.operations:
            host = self._host(operation, kept, made)
            if host is None:
                made[operation.output] = len(kept)
                kept.append(operation)
                continue
            position = made[host.output]
            steps = operation.steps
            if operation.inputs[0] != host.output:  # a sum with the host as its second summand
                steps = [Step(steps[0].kind, operation.inputs[0]), *steps[1:]]
            host.steps.extend(steps)
            host.output = operation.output
            made[operation.output] = position
        self.operations = kept

    def _delay_steps(self) -> None:
        """Take the largest of each window first and the monotone steps of what feeds it after: there are fewer."""
        producers = {operation.output: operation for operation in self.operations}
        for pool in self.operations:
            host = producers.get(pool.inputs[0])
            if pool.kind != "max_pool" or host is None or host.kind not in ("dense", "convolution"):
                continue
            if self.consumers(host.output) == 1 and all(step.kind in _MONOTONE for step in host.steps):
                pool.steps[:0], host.steps = host.steps, []

    def _host(self, operation: Operation, kept: list[Operation], made: dict[str, int]) -> Operation | None:
        """The operation that can take the steps of `operation`: the latest of those that feed it."""
        if operation.kind != "elementwise":
            return None
        feeding = [operation.inputs[0]]
        if len(operation.steps) == 1 and operation.steps[0].kind in ("add", "mul", "max", "min"):
            feeding += [operation.steps[0].operand] * bool(operation.steps[0].operand)
        feeding.sort(key=lambda name: made[name], reverse=True)
        for name in feeding:
            host = kept[made[name]] if made[name] >= 0 else None
            if (
                host is not None
                and host.kind in _JOINABLE
                and self.consumers(name) == 1
                and self.shapes[name] == self.shapes[operation.output]
                and all(made[other] < made[name] for other in operation.reads if other != name)
            ):
                return host
        return None


def _name(node: onnx.NodeProto) -> str:
    return node.name or f"the {node.op_type} that gives {node.output[0]}"


def _attributes(node: onnx.NodeProto) -> dict[str, object]:
    return {item.name: helper.get_attribute_value(item) for item in node.attribute}


def _number(attributes: Mapping[str, object], name: str, default: float) -> float:
    value = attributes.get(name, default)
    assert isinstance(value, (int, float))
    return float(value)


def _dense(network: Network, node: onnx.NodeProto) -> Operation:
    attributes = _attributes(node)
    weight = network.constant(node, 1)
    if len(network.shapes[node.input[0]]) != 2 or weight.ndim != 2 or attributes.get("transA"):
        raise BackendSkipped(f"{_name(node)} multiplies other things than rows by a constant matrix")
    if attributes.get("transB"):
        weight = weight.T
    weight = (weight.astype(np.float32) * np.float32(_number(attributes, "alpha", 1.0))).astype(np.float32)
    bias = np.zeros(weight.shape[1], np.float32)
    if len(node.input) > 2 and node.input[2]:
        given = network.constant(node, 2)
        if given.size not in (1, weight.shape[1]):
            raise BackendSkipped(f"{_name(node)} has another bias for each row")
        bias = np.broadcast_to(given.reshape(-1) * np.float32(_number(attributes, "beta", 1.0)), bias.shape)
    return Operation(
        "dense", _name(node), [node.input[0]], node.output[0], weight=weight, bias=bias.astype(np.float32)
    )


def _convolution(network: Network, node: onnx.NodeProto) -> Operation:
    attributes = _attributes(node)
    weight = network.constant(node, 1)
    if weight.ndim != 4 or attributes.get("auto_pad", b"NOTSET") != b"NOTSET":
        raise BackendSkipped(f"{_name(node)} is no convolution of images with explicit pads")
    bias = np.zeros(weight.shape[0], np.float32)
    if len(node.input) > 2 and node.input[2]:
        bias = network.constant(node, 2)
    return Operation(
        "convolution", _name(node), [node.input[0]], node.output[0], attributes, weight=weight, bias=bias
    )


def _pool(network: Network, node: onnx.NodeProto) -> Operation:
    attributes = _attributes(node)
    shape = network.shapes[node.input[0]]
    if len(shape) != 4 or attributes.get("auto_pad", b"NOTSET") != b"NOTSET":
        raise BackendSkipped(f"{_name(node)} does not pool images with explicit pads")
    if node.op_type.startswith("Global"):
        attributes["kernel_shape"] = list(shape[2:])
    kind = "max_pool" if node.op_type.endswith("MaxPool") else "average_pool"
    return Operation(kind, _name(node), [node.input[0]], node.output[0], attributes)


def _unary(network: Network, node: onnx.NodeProto) -> Operation:
    return Operation(
        "elementwise", _name(node), [node.input[0]], node.output[0], steps=[_UNARY[node.op_type]]
    )


def _clip(network: Network, node: onnx.NodeProto) -> Operation:
    attributes = _attributes(node)
    limits = [_number(attributes, "min", float("-inf")), _number(attributes, "max", float("inf"))]
    for position, name in enumerate(node.input[1:]):
        if name:
            limits[position] = float(network.constant(node, position + 1))
    step = Step("clip", low=limits[0], high=limits[1])
    return Operation("elementwise", _name(node), [node.input[0]], node.output[0], steps=[step])


def _leaky_relu(network: Network, node: onnx.NodeProto) -> Operation:
    slope = _number(_attributes(node), "alpha", 0.01)
    if not 0 <= slope <= 1:
        raise BackendSkipped(f"{_name(node)} has the slope {slope}, which is not between 0 and 1")
    step = Step("leaky", constant=np.array([slope], np.float32))
    return Operation("elementwise", _name(node), [node.input[0]], node.output[0], steps=[step])


def _batch_normalization(network: Network, node: onnx.NodeProto) -> Operation:
    epsilon = _number(_attributes(node), "epsilon", 1e-5)
    gamma, beta, mean, variance = (
        network.constant(node, position).astype(np.float64) for position in (1, 2, 3, 4)
    )
    scale = gamma / np.sqrt(variance + epsilon)
    steps = [
        Step("mul", constant=scale.astype(np.float32)),
        Step("add", constant=(beta - mean * scale).astype(np.float32)),
    ]
    return Operation("elementwise", _name(node), [node.input[0]], node.output[0], steps=steps)


def _binary(network: Network, node: onnx.NodeProto) -> Operation:
    if len(node.input) != 2:
        raise BackendSkipped(f"{_name(node)} has {len(node.input)} inputs, where it takes two")
    kind, shape = _BINARY[node.op_type], network.shapes[node.output[0]]
    left, right = node.input
    swapped = left in network.constants or network.shapes[left] != shape
    tensor, other = (right, left) if swapped else (left, right)
    if tensor in network.constants or network.shapes[tensor] != shape:
        raise BackendSkipped(f"{_name(node)} broadcasts both of its inputs, or has constants only")
    if other in network.constants:
        constant = _by_channel(network.constants[other], shape, node)
        step = Step(kind, constant=constant, swapped=swapped)
    else:
        _check_broadcast(network.shapes[other], shape, node)
        step = Step(kind, operand=other, swapped=swapped)
    return Operation("elementwise", _name(node), [tensor], node.output[0], steps=[step])


def _by_channel(constant: Array, shape: Sequence[int], node: onnx.NodeProto) -> Array:
    if constant.size == 1:
        return constant.reshape(1).astype(np.float32)
    full = (1,) * (len(shape) - constant.ndim) + constant.shape
    if constant.size == shape[1] and full[1] == shape[1]:
        return constant.reshape(-1).astype(np.float32)
    raise BackendSkipped(f"{_name(node)} has a constant that is not one number a channel")


def _check_broadcast(given: Sequence[int], shape: Sequence[int], node: onnx.NodeProto) -> None:
    same = len(given) == len(shape) and given[1] == shape[1]
    if not same or any(a not in (1, b) for a, b in zip(given, shape, strict=True)):
        raise BackendSkipped(
            f"{_name(node)} broadcasts {list(given)} to {list(shape)}, not a channel as a whole"
        )


def _softmax(network: Network, node: onnx.NodeProto) -> Operation:
    shape = network.shapes[node.input[0]]
    axis = int(str(_attributes(node).get("axis", -1))) % len(shape)
    if axis != 1 or prod(shape[2:]) != 1:
        raise BackendSkipped(f"{_name(node)} is a softmax over another axis than the features of a row")
    return Operation("softmax", _name(node), [node.input[0]], node.output[0])


def _flatten(network: Network, node: onnx.NodeProto) -> Operation:
    before, after = network.shapes[node.input[0]], network.shapes[node.output[0]]
    if before[0] != after[0] or len(after) < 2 or prod(after[1:]) != after[1]:
        raise BackendSkipped(
            f"{_name(node)} reshapes {list(before)} to {list(after)}, which is no flattening"
        )
    return Operation("flatten", _name(node), [node.input[0]], node.output[0])


def _concat(network: Network, node: onnx.NodeProto) -> Operation:
    shape = network.shapes[node.output[0]]
    if int(str(_attributes(node)["axis"])) % len(shape) != 1 or len(shape) < 2:
        raise BackendSkipped(f"{_name(node)} joins along another axis than the channels")
    if any(name in network.constants for name in node.input):
        raise BackendSkipped(f"{_name(node)} joins constants")
    return Operation("concat", _name(node), list(node.input), node.output[0])


_READERS: dict[str, Callable[[Network, onnx.NodeProto], Operation]] = {
    "Gemm": _dense,
    "MatMul": _dense,
    "Conv": _convolution,
    "MaxPool": _pool,
    "AveragePool": _pool,
    "GlobalAveragePool": _pool,
    "GlobalMaxPool": _pool,
    "Clip": _clip,
    "LeakyRelu": _leaky_relu,
    "BatchNormalization": _batch_normalization,
    "Softmax": _softmax,
    "Flatten": _flatten,
    "Reshape": _flatten,
    "Concat": _concat,
    **dict.fromkeys(_UNARY, _unary),
    **dict.fromkeys(_BINARY, _binary),
}
