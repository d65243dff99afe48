"""Removes nodes that answer what they are given.

Identity; Dropout, which does nothing at inference; a Cast to the dtype that its input has; a product with 1.
"""

from __future__ import annotations

from collections.abc import Mapping

import onnx
from onnx import numpy_helper


def drop_identity(model: onnx.ModelProto) -> int:
    """Connect what each such node is given with what takes it; answer how many were removed."""
    graph = model.graph
    outputs = {output.name for output in graph.output}
    produced = {name for node in graph.node for name in node.output}
    known = _Known(model)
    kept: list[onnx.NodeProto] = []
    renamed: dict[str, str] = {}
    for node in graph.node:
        for position, name in enumerate(node.input):
            node.input[position] = renamed.get(name, name)
        if not known.answers_its_input(node):
            kept.append(node)
        elif node.output[0] not in outputs:
            renamed[node.output[0]] = node.input[0]
        elif node.input[0] in produced - outputs:
            _rename(kept, node.input[0], node.output[0])
            renamed[node.input[0]] = node.output[0]
        else:  # a graph output that is an input, a constant or another output needs the node
            kept.append(node)
    removed = len(graph.node) - len(kept)
    del graph.node[:]
    graph.node.extend(kept)
    return removed


class _Known:
    """Dtypes of tensors, and the constants that are 1."""

    def __init__(self, model: onnx.ModelProto) -> None:
        graph = model.graph
        self._dtypes: Mapping[str, int] = {
            value.name: value.type.tensor_type.elem_type
            for value in (*graph.input, *graph.value_info, *graph.output)
        }
        self._ones = {
            item.name for item in graph.initializer if not item.dims and numpy_helper.to_array(item) == 1
        }

    def answers_its_input(self, node: onnx.NodeProto) -> bool:
        """Whether the first output of `node` is its first input."""
        match node.op_type:
            case "Identity":
                return True
            case "Dropout":
                training = len(node.input) > 2 and node.input[2] != ""
                return not training and not any(node.output[1:])
            case "Cast":
                return bool(self._dtypes.get(node.input[0]) == node.attribute[0].i)
            case "Mul" | "Div":
                return node.input[1] in self._ones
        return False


def _rename(nodes: list[onnx.NodeProto], old: str, new: str) -> None:
    for node in nodes:
        for names in (node.input, node.output):
            for position, name in enumerate(names):
                if name == old:
                    names[position] = new
