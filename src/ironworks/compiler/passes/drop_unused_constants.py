"""Removes constants that no node takes any more."""

from __future__ import annotations

import onnx


def drop_unused_constants(model: onnx.ModelProto) -> int:
    """Remove them; answer how many there were."""
    graph = model.graph
    used = {name for node in graph.node for name in node.input} | {output.name for output in graph.output}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    removed = len(graph.initializer) - len(kept)
    del graph.initializer[:]
    graph.initializer.extend(kept)
    return removed
