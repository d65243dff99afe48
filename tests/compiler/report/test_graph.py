"""The graph in a report."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from ironworks.compiler.graph import checked
from ironworks.compiler.report import describe_graph
from ironworks.compiler.report import graph as module


def model(length: int = 2) -> onnx.ModelProto:
    """Sums in a row."""
    nodes = [
        helper.make_node("Add", [f"t{at}", "w"], [f"t{at + 1}"], f"n{at}" if at else "")
        for at in range(length)
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("t0", TensorProto.FLOAT, [1, 4])],
        [helper.make_tensor_value_info(f"t{length}", TensorProto.FLOAT, [1, 4])],
        [numpy_helper.from_array(np.ones(4, np.float32), "w")],
    )
    return checked(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9))


def test_nodes_shapes_and_weights_are_described() -> None:
    graph = describe_graph(model())
    assert [tuple(node) for node in graph.nodes] == [
        ("Add", "", ("t0", "w"), ("t1",)),
        ("Add", "n1", ("t1", "w"), ("t2",)),
    ]
    assert {name: str(kind) for name, kind in graph.tensors.items()} == {
        "t0": "1×4",
        "t1": "1×4",
        "t2": "1×4",
        "w": "4",
    }
    assert (graph.inputs, graph.outputs, graph.operators, graph.count) == (["t0"], ["t2"], {"Add": 2}, 2)
    assert graph.constants() == {"w"}


def test_a_huge_graph_is_cut_and_still_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_NODES", 3)
    graph = describe_graph(model(10))
    assert len(graph.nodes) == 3 and graph.count == 10
    assert set(graph.tensors) == {"t0", "t1", "t2", "t3", "w", "t10"}


def test_a_size_that_depends_on_values_is_open() -> None:
    nodes = [helper.make_node("NonZero", ["x"], ["y"])]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 2])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.INT64, [2, None])]
    made = helper.make_model(
        helper.make_graph(nodes, "g", inputs, outputs),
        opset_imports=[helper.make_opsetid("", 20)],
        ir_version=9,
    )
    graph = describe_graph(checked(made))
    assert graph.tensors["y"].shape == (2, module.OPEN)
    assert str(graph.tensors["y"]) == "2×? int64"
