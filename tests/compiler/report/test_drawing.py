"""The drawing of a graph."""

from __future__ import annotations

import re

from tests.compiler.report.conftest import chain

from ironworks.compiler.report import Graph, Node, TensorType
from ironworks.compiler.report.drawing import MOST_DRAWN, draw, drawn_nodes, marks


def texts(drawing: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", drawing)


def test_every_node_input_and_output_is_a_box_with_its_shapes() -> None:
    drawing = draw(chain("Gemm", "Relu"), "A graph", {})
    assert drawing.count('class="body"') == 4
    assert drawing.count('class="line"') == 3
    assert texts(drawing) == ["x", "1×4", "Gemm", "4×4", "1×4", "Relu", "4×4", "1×4", "t1"]
    assert 'role="img" aria-label="A graph"' in drawing


def test_names_are_escaped() -> None:
    node = Node("<i>", '"&', ("<x>",), ("y",))
    graph = Graph([node], {"<x>": TensorType("float32", (1,))}, ["<x>"], ["y"], {"<i>": 1})
    drawing = draw(graph, '"><script>', {node.key: "<removed>"})
    assert "<script>" not in drawing and "<i>" not in drawing and "<x>" not in drawing
    assert "&lt;i&gt; &quot;&amp;" in drawing


def test_a_long_name_is_shown_in_short_and_whole_as_a_hint() -> None:
    name = "a" * 100
    drawing = draw(chain(name), "A graph", {})
    assert texts(drawing)[2] == "a" * 27 + "…"
    assert f"<title>{name} n0\n" in drawing


def test_only_the_first_nodes_of_a_large_graph_are_drawn() -> None:
    drawing = draw(chain(*["Relu"] * (MOST_DRAWN + 10)), "A graph", {})
    assert texts(drawing).count("Relu") == MOST_DRAWN


def test_a_graph_with_many_lines_is_drawn_as_far_as_it_can_be_read() -> None:
    names = [f"t{at}" for at in range(101)]
    nodes = [Node("Concat", f"n{at}", tuple(names[: at + 1]), (names[at + 1],)) for at in range(100)]
    graph = Graph(nodes, {}, ["t0"], ["t100"], {"Concat": 100})
    assert drawn_nodes(graph) == 34  # 1 + 2 + … + 34 lines are 595
    drawing = draw(graph, "A graph", {})
    assert texts(drawing).count("Concat") == 34
    assert len(drawing) < 200_000  # parts that lines share are drawn once


def test_lines_from_one_box_share_their_way() -> None:
    nodes = [
        Node("Relu", "a", ("x",), ("a",)),
        Node("Relu", "b", ("a",), ("b",)),
        Node("Add", "c", ("x", "b"), ("c",)),
        Node("Add", "d", ("x", "c"), ("d",)),
    ]
    drawing = draw(Graph(nodes, {}, ["x"], ["d"], {"Relu": 2, "Add": 2}), "A graph", {})
    ways = re.findall(r'<path d="([^"]*)" class="line">', drawing)
    starts = [start for way in ways for start in re.findall(r"M[^VC]*", way)]
    bottom_of_x = starts[0]
    assert len(ways) == 7
    assert starts.count(bottom_of_x) == 2  # to a, and to the first bend that the way to c and d share


def test_a_tensor_that_nothing_makes_and_a_missing_shape_are_drawn_without() -> None:
    graph = Graph([Node("Pad", "", ("x", "", "p"), ("y", ""))], {}, ["x"], ["y", "z"], {"Pad": 1})
    assert texts(draw(graph, "A graph", {})) == ["x", "Pad", "y"]


def test_what_a_pass_did_is_marked() -> None:
    before, after = chain("Conv", "Identity", "Relu"), chain("Conv", "Relu")
    folded = Node("Conv", "n0", ("x", "folded"), ("t0",))
    after = Graph([folded, *after.nodes[1:]], after.tensors, ["x"], ["t1"], {"Conv": 1, "Relu": 1})
    removed, new = marks(before, after)
    assert removed == {("Identity", "n1"): "removed", ("Relu", "n2"): "removed"}
    assert new == {("Conv", "n0"): "new weights", ("Relu", "n1"): "new"}
    drawing = draw(after, "A graph", new)
    assert "new weights" in texts(drawing) and 'class="node product new weights"' in drawing


def test_nothing_is_said_to_be_gone_from_a_graph_that_was_cut() -> None:
    assert marks(chain("Relu", "Erf", Relu=2000), chain("Relu")) == ({}, {})
