"""The graph of a model in a form that is small enough for a report: no weights, only what is connected with what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import onnx

MOST_NODES = 1000
"""Of a graph that has more, the first are recorded, and how many there are of each operator."""

OPEN = -1
"""A size that depends on the values of the inputs."""


class TensorType(NamedTuple):
    """`dtype` is numpy's name; a size of `shape` is `OPEN` where it is not known before a run."""

    dtype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        """`1×784`, with the dtype where it is not float32."""
        sizes = "×".join("?" if size == OPEN else str(size) for size in self.shape) or "scalar"
        return sizes if self.dtype == "float32" else f"{sizes} {self.dtype}"


class Node(NamedTuple):
    """A node; an input that is left out has an empty name."""

    operator: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """What stays of it when a pass rewrites the nodes around it."""
        return (self.operator, self.name) if self.name else (self.operator, *self.outputs)


@dataclass(frozen=True)
class Graph:
    """A graph.

    Attributes:
        nodes: in an order in which they can run; the first `MOST_NODES`.
        tensors: what is known of the tensors that these nodes take and give, by name.
        inputs, outputs: names of the graph's tensors.
        operators: how many nodes have each operator, of the whole graph.
    """

    nodes: Sequence[Node]
    tensors: Mapping[str, TensorType]
    inputs: Sequence[str]
    outputs: Sequence[str]
    operators: Mapping[str, int]

    @property
    def count(self) -> int:
        """Nodes of the whole graph."""
        return sum(self.operators.values())

    def constants(self) -> set[str]:
        """Names of the weights: what the recorded nodes take and nothing gives."""
        made = {name for node in self.nodes for name in node.outputs} | {*self.inputs, ""}
        return {name for node in self.nodes for name in node.inputs} - made


def describe_graph(model: onnx.ModelProto) -> Graph:
    """The graph of a model whose shapes have been inferred."""
    graph = model.graph
    nodes = [
        Node(node.op_type, node.name, tuple(node.input), tuple(node.output))
        for node in graph.node[:MOST_NODES]
    ]
    used = {name for node in nodes for name in (*node.inputs, *node.outputs)}
    used.update(item.name for item in (*graph.input, *graph.output))
    return Graph(
        nodes=nodes,
        tensors={name: kind for name, kind in _types(graph) if name in used},
        inputs=[item.name for item in graph.input],
        outputs=[item.name for item in graph.output],
        operators=dict(Counter(node.op_type for node in graph.node).most_common()),
    )


def _types(graph: onnx.GraphProto) -> Iterator[tuple[str, TensorType]]:
    from onnx import helper

    for constant in graph.initializer:
        dtype = helper.tensor_dtype_to_np_dtype(constant.data_type).name
        yield constant.name, TensorType(dtype, tuple(constant.dims))
    for value in (*graph.input, *graph.value_info, *graph.output):
        kind = value.type.tensor_type
        if kind.elem_type and kind.HasField("shape"):
            dtype = helper.tensor_dtype_to_np_dtype(kind.elem_type).name
            sizes = (size.dim_value if size.HasField("dim_value") else OPEN for size in kind.shape.dim)
            yield value.name, TensorType(dtype, tuple(sizes))
