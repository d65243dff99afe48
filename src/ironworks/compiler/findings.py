"""What the graph tells about the model that the person who made it may not know."""

from __future__ import annotations

from math import e

import onnx


def find_issues(model: onnx.ModelProto) -> list[str]:
    """Sentences about the graph; the graph's Identity nodes must have been dropped."""
    producers = {name: node for node in model.graph.node for name in node.output}
    findings = []
    for output in model.graph.output:
        node = producers.get(output.name)
        if node is not None and node.op_type == "Reshape":
            node = producers.get(node.input[0])
        if node is not None and node.op_type == "Softmax":
            classes = output.type.tensor_type.shape.dim[-1].dim_value
            flattened = e / (e + classes - 1)
            findings.append(
                f"The output {output.name} ends in a softmax, so it is probabilities already. A postprocess that "
                f"applies another softmax flattens them: of {classes} classes a certain one then reads "
                f"{flattened:.3f}."
            )
    return findings
