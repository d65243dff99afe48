"""The section of the graph: what the passes did, the drawings before and after, and the same as tables."""

from __future__ import annotations

from collections.abc import Mapping

from ironworks.compiler.report.drawing import draw, drawn_nodes, marks
from ironworks.compiler.report.graph import Graph
from ironworks.compiler.report.model import Report
from ironworks.drawing.markup import Html, element, scrolling, table


def graph(report: Report) -> list[Html]:
    """Passes with counts, and the graph before and after them where the report has it."""
    before, after = report.before, report.after
    if before is None or after is None:
        return [_passes(report)]
    tables = [_passes(report), _operators(before, after)]
    if before.nodes == after.nodes:
        drawing = _drawing("The graph, which the passes left as it is", after, {})
        return [element("div", element("div", *tables), drawing, class_="beside"), _table("The nodes", after)]
    removed, new = marks(before, after)
    pair = [_drawing("Before the passes", before, removed), _drawing("After the passes", after, new)]
    return [
        element("div", *tables, class_="pair"),
        element("div", *pair, class_="pair"),
        _table("The nodes before the passes", before),
        _table("The nodes after the passes", after),
    ]


def _passes(report: Report) -> Html:
    before, after = report.nodes
    rows = [[[name.replace("_", " "), str(count)]] for name, count in report.passes.items()]
    if not rows:
        return element("p", f"No pass was run; the graph has {after} operators.")
    caption = (
        f"Passes: {before} operators became {after}"
        if before != after
        else f"Passes: {after} operators remain"
    )
    return table(caption, ["Pass", "Places changed"], rows, [1])


def _operators(before: Graph, after: Graph) -> Html:
    names = sorted(
        {*before.operators, *after.operators}, key=lambda name: (-before.operators.get(name, 0), name)
    )
    rows = [[[name, str(before.operators.get(name, 0)), str(after.operators.get(name, 0))]] for name in names]
    return table("Operators by count", ["Operator", "Before", "After"], rows, [1, 2])


def _drawing(caption: str, graph: Graph, marked: Mapping[tuple[str, ...], str]) -> Html:
    shown = drawn_nodes(graph)
    parts = [f"{caption}: {_operators_of(graph)}."]
    if shown < graph.count:
        parts.append(f"The drawing ends after {shown}; {graph.count - shown:,} more are counted by operator.")
    words = sorted(set(marked.values()))
    if words:
        parts.append(f"Dashed boxes are marked {' or '.join(words)}.")
    label = (
        f"{caption}: {_operators_of(graph)} from {', '.join(graph.inputs)} to {', '.join(graph.outputs)}. "
        "The table of nodes says the same."
    )
    return element(
        "figure",
        element("figcaption", " ".join(parts)),
        scrolling(draw(graph, label, marked), caption, "scroll drawing"),
    )


def _table(caption: str, graph: Graph) -> Html:
    rows = [
        [
            [
                node.name or (node.outputs[0] if node.outputs else ""),
                node.operator,
                ", ".join(_described(graph, name) for name in node.inputs if name),
                ", ".join(_described(graph, name) for name in node.outputs if name),
            ]
        ]
        for node in graph.nodes
    ]
    missing = graph.count - len(graph.nodes)
    more = f"; {missing:,} more are not recorded" if missing else ""
    whole = table(caption + more, ["Node", "Operator", "Takes", "Gives"], rows)
    return element("details", element("summary", f"{caption} as a table"), whole)


def _described(graph: Graph, name: str) -> str:
    kind = graph.tensors.get(name)
    return f"{name} {kind}" if kind else name


def _operators_of(graph: Graph) -> str:
    return f"{graph.count:,} operator{'s' if graph.count != 1 else ''}"
