"""Recognises layer normalisation that an exporter has written out, and makes it one node.

    mean = ReduceMean x;  d = x - mean;  variance = ReduceMean (d² or d · d)
    d / Sqrt (variance + ε) [· gamma [+ beta]]

over the last dimension. `LayerNormalization` is an operator from opset 17 on; graphs of older opsets are left
as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper, numpy_helper

_OPSET = 17


def fuse_layer_norm(model: onnx.ModelProto) -> int:
    """Replace each such group of nodes by one; answer how many there were."""
    versions = {item.domain: item.version for item in model.opset_import}
    if versions.get("", versions.get("ai.onnx", 0)) < _OPSET:
        return 0
    count = 0
    while (found := next(_Matcher(model.graph).matches(), None)) is not None:
        _replace(model.graph, found, count)
        count += 1
    return count


@dataclass
class _Match:
    """The nodes that go away, the last of which gives what the group gives; x and the length of its rows."""

    x: str
    length: int
    epsilon: float
    nodes: list[onnx.NodeProto]
    gamma: str = ""
    beta: str = ""

    @property
    def output(self) -> str:
        """What the group gives."""
        return str(self.nodes[-1].output[0])


class _Matcher:
    def __init__(self, graph: onnx.GraphProto) -> None:
        self._graph = graph
        self._constants = {item.name: item for item in graph.initializer}
        self._producers = {name: node for node in graph.node for name in node.output}
        self._readers: dict[str, list[onnx.NodeProto]] = {}
        for node in graph.node:
            for name in set(node.input):
                self._readers.setdefault(name, []).append(node)
        self._outputs = {output.name for output in graph.output}
        self._shapes = {
            value.name: [size.dim_value for size in value.type.tensor_type.shape.dim]
            for value in (*graph.input, *graph.value_info)
            if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
        }

    def matches(self) -> Iterator[_Match]:
        """Every group, found from its division."""
        for node in self._graph.node:
            match = self._normalised(node) if node.op_type == "Div" else None
            if match is not None and self._private(match):
                yield self._scaled(match)

    def _normalised(self, division: onnx.NodeProto) -> _Match | None:
        centred, root = (self._producers.get(name) for name in division.input)
        total = self._made_by(root, "Sqrt", 0)
        if centred is None or root is None or total is None:
            return None
        x, mean = (
            (centred.input[0], self._producers.get(centred.input[1]))
            if len(centred.input) > 1
            else ("", None)
        )
        if centred.op_type != "Sub" or mean is None or not self._is_mean(mean, x) or total.op_type != "Add":
            return None
        constants = [name for name in total.input if name in self._constants]
        means = [self._producers[name] for name in total.input if name in self._producers]
        if len(constants) != 1 or len(means) != 1 or self._number(constants[0]) is None:
            return None
        square = self._producers.get(means[0].input[0])
        if square is None or not self._is_square(square, centred.output[0]):
            return None
        if not self._is_mean(means[0], square.output[0]):
            return None
        epsilon = self._number(constants[0])
        assert epsilon is not None
        nodes = [mean, centred, square, means[0], total, root, division]
        return _Match(x, self._shapes[x][-1], epsilon, nodes)

    def _made_by(self, node: onnx.NodeProto | None, operator: str, position: int) -> onnx.NodeProto | None:
        if node is None or node.op_type != operator:
            return None
        return self._producers.get(node.input[position])

    def _is_mean(self, node: onnx.NodeProto, x: str) -> bool:
        """Whether it is the mean of x over its last dimension, which is kept."""
        if node.op_type != "ReduceMean" or node.input[0] != x or not self._shapes.get(x):
            return False
        attributes = {item.name: helper.get_attribute_value(item) for item in node.attribute}
        axes = attributes.get("axes")
        if len(node.input) > 1 and node.input[1] in self._constants:
            axes = numpy_helper.to_array(self._constants[node.input[1]]).tolist()
        return bool(attributes.get("keepdims", 1)) and axes in ([-1], [len(self._shapes[x]) - 1])

    def _is_square(self, node: onnx.NodeProto, centred: str) -> bool:
        if node.op_type == "Mul":
            return list(node.input) == [centred, centred]
        return node.op_type == "Pow" and node.input[0] == centred and self._number(node.input[1]) == 2

    def _number(self, name: str) -> float | None:
        array = numpy_helper.to_array(self._constants[name]) if name in self._constants else np.zeros(2)
        return float(array.flat[0]) if array.size == 1 else None

    def _private(self, match: _Match) -> bool:
        """Whether nobody else reads what goes away."""
        inside = {id(node) for node in match.nodes}
        return all(
            name not in self._outputs and all(id(reader) in inside for reader in self._readers.get(name, []))
            for node in match.nodes[:-1]
            for name in node.output
        )

    def _scaled(self, match: _Match) -> _Match:
        """Take in a product with a constant row that follows, and a sum after it."""
        for operator in ("Mul", "Add"):
            readers = self._readers.get(match.output, [])
            if match.output in self._outputs or len(readers) != 1 or readers[0].op_type != operator:
                break
            row = next((name for name in readers[0].input if name != match.output), "")
            if row not in self._constants or list(self._constants[row].dims) != [match.length]:
                break
            if operator == "Mul":
                match.gamma = row
            else:
                match.beta = row
            match.nodes.append(readers[0])
        return match


def _replace(graph: onnx.GraphProto, match: _Match, number: int) -> None:
    last, gamma = match.nodes[-1], match.gamma
    if not gamma:
        gamma = f"{match.output}_ones"
        graph.initializer.append(numpy_helper.from_array(np.ones(match.length, np.float32), gamma))
    inputs = [match.x, gamma, *([match.beta] if match.beta else [])]
    name = f"{last.name or match.output}_normalised_{number}"
    node = helper.make_node(
        "LayerNormalization", inputs, [match.output], name, axis=-1, epsilon=match.epsilon
    )
    graph.node.insert(list(graph.node).index(last), node)
    for old in match.nodes:
        graph.node.remove(old)
