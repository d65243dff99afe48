"""What readers of nodes ask: constants, shapes, attributes, and how to call a node."""

from __future__ import annotations

from collections.abc import Mapping

import onnx
from onnx import helper

from ironworks.compiler.backends.candidate import BackendSkipped
from ironworks.compiler.native.operations import Array


class Graph:
    """The constants and the shapes of a graph, by the name of the tensor."""

    constants: dict[str, Array]
    shapes: dict[str, tuple[int, ...]]

    def constant(self, node: onnx.NodeProto, position: int) -> Array:
        """The constant that is input `position` of `node`.

        Raises:
            BackendSkipped: it is computed.
        """
        name = node.input[position]
        if name not in self.constants:
            raise BackendSkipped(f"the input {name} of {label(node)} is computed, where it takes a constant")
        return self.constants[name]

    def optional(self, node: onnx.NodeProto, position: int) -> Array | None:
        """The same; None where the node has no such input."""
        given = len(node.input) > position and node.input[position]
        return self.constant(node, position) if given else None

    def shape(self, node: onnx.NodeProto, position: int = 0) -> tuple[int, ...]:
        """The shape of input `position` of `node`."""
        return self.shapes[node.input[position]]


def label(node: onnx.NodeProto) -> str:
    """How messages call a node."""
    return node.name or f"the {node.op_type} that gives {node.output[0]}"


def attributes_of(node: onnx.NodeProto) -> dict[str, object]:
    """The attributes by name."""
    return {item.name: helper.get_attribute_value(item) for item in node.attribute}


def number(attributes: Mapping[str, object], name: str, default: float) -> float:
    """An attribute that is a number."""
    value = attributes.get(name, default)
    assert isinstance(value, (int, float))
    return float(value)


def numbers(attributes: Mapping[str, object], name: str, default: list[int]) -> list[int]:
    """An attribute that is a list of whole numbers."""
    value = attributes.get(name, default)
    assert isinstance(value, list)
    return [int(item) for item in value]
