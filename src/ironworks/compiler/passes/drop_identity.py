"""Removes nodes that answer what they are given: Identity, and Dropout, which does nothing at inference."""

from __future__ import annotations

import onnx


def drop_identity(model: onnx.ModelProto) -> int:
    """Connect what each such node is given with what takes it; answer how many were removed."""
    graph = model.graph
    outputs = {output.name for output in graph.output}
    produced = {name for node in graph.node for name in node.output}
    kept: list[onnx.NodeProto] = []
    renamed: dict[str, str] = {}
    for node in graph.node:
        for position, name in enumerate(node.input):
            node.input[position] = renamed.get(name, name)
        if not _answers_its_input(node):
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


def _answers_its_input(node: onnx.NodeProto) -> bool:
    if node.op_type == "Dropout":
        training = len(node.input) > 2 and node.input[2] != ""
        return not training and not any(node.output[1:])
    return node.op_type == "Identity"


def _rename(nodes: list[onnx.NodeProto], old: str, new: str) -> None:
    for node in nodes:
        for names in (node.input, node.output):
            for position, name in enumerate(names):
                if name == old:
                    names[position] = new
