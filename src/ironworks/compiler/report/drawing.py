"""A graph as inline SVG: a box for each node, a line for each tensor, its shape beside it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ironworks.compiler.report.graph import Graph, Node
from ironworks.compiler.report.layout import Layout, lay_out
from ironworks.drawing.markup import Html, element, join

MOST_DRAWN, MOST_LINES = 150, 600
"""Nodes, and lines between them, of a drawing; of a graph that has more, the first."""

_MARGIN = 12.0
_LETTER, _SMALL_LETTER = 7.9, 6.7
"""Pixels that a letter of a title, and of the other lines, takes at most."""
_LINE = 15.0
_LONGEST = 28
"""Letters of a name that are shown."""
_STUB = 20.0
"""How far a line goes straight down below a layer, so that it does not run through the shapes there."""
_PORT = 14.0
"""Between the ends of lines into one box."""

_FAMILIES = {
    "product": "Conv ConvTranspose Gemm MatMul Einsum MatMulInteger QLinearConv QLinearMatMul ConvInteger",
    "curve": "Relu LeakyRelu PRelu Clip Sigmoid HardSigmoid Tanh Softmax LogSoftmax Elu Selu Gelu Erf HardSwish Mish "
    "Softplus Softsign Exp Log Sqrt",
    "norm": "BatchNormalization LayerNormalization InstanceNormalization GroupNormalization LRN LpNormalization",
    "pool": "MaxPool AveragePool GlobalAveragePool GlobalMaxPool LpPool ReduceMean ReduceSum ReduceMax ReduceMin "
    "ArgMax TopK",
    "shape": "Reshape Flatten Transpose Squeeze Unsqueeze Concat Split Slice Pad Gather Expand Tile Identity Cast "
    "Shape",
}
_FAMILY = {operator: family for family, operators in _FAMILIES.items() for operator in operators.split()}


@dataclass(frozen=True)
class _Box:
    """What is drawn for a node, or for an input or output of the graph.

    Attributes:
        lines: a title, and what stands below it.
        below: what stands beside the line that leaves it.
        hint: the whole of what is shown in short.
        class_: how it is drawn.
    """

    lines: Sequence[str]
    below: str
    hint: str
    class_: str

    @property
    def width(self) -> float:
        """Of the box itself."""
        letters = [len(self.lines[0]) * _LETTER, *(len(line) * _SMALL_LETTER for line in self.lines[1:])]
        return max(64.0, *(width + 26 for width in letters))

    @property
    def height(self) -> float:
        """Of the box itself."""
        return _LINE * len(self.lines) + 11

    @property
    def size(self) -> tuple[float, float]:
        """Width and height to keep free: the shape stands to the right of the line, which starts in the middle."""
        return max(self.width, 2 * (len(self.below) * _SMALL_LETTER + 10)), self.height


def draw(graph: Graph, label: str, marks: Mapping[tuple[str, ...], str]) -> Html:
    """The drawing, of natural size; `label` is what is read aloud; `marks` has a word for nodes by their key."""
    boxes, edges = _boxes(graph, marks)
    layout = lay_out([box.size for box in boxes], edges)
    width, height = layout.width + 2 * _MARGIN, layout.height + 2 * _MARGIN
    ports = _ports(boxes, layout, edges)
    drawn: set[tuple[int, float]] = set()
    lines = join(_line(boxes, layout, edge, ports[edge], drawn) for edge in edges)
    return element(
        "svg",
        lines,
        join(_box(box, *layout.centers[at]) for at, box in enumerate(boxes)),
        class_="graph",
        role="img",
        aria_label=label,
        width=width,
        height=height,
        viewBox=f"{-_MARGIN:.0f} {-_MARGIN:.0f} {width:.1f} {height:.1f}",
    )


def drawn_nodes(graph: Graph) -> int:
    """How many nodes of the graph are drawn."""
    lines = 0
    for count, node in enumerate(graph.nodes[:MOST_DRAWN]):
        lines += len(node.inputs)
        if lines > MOST_LINES:
            return count
    return min(len(graph.nodes), MOST_DRAWN)


def marks(before: Graph, after: Graph) -> tuple[dict[tuple[str, ...], str], dict[tuple[str, ...], str]]:
    """What the passes did to nodes: a word for those of `before` that are gone, and for those of `after` that are new.

    Of a graph that was not recorded whole nothing is known to be gone.
    """
    if any(graph.count > len(graph.nodes) for graph in (before, after)):
        return {}, {}
    old, new = ({node.key: node for node in graph.nodes} for graph in (before, after))
    weights = [graph.constants() for graph in (before, after)]

    def changed(key: tuple[str, ...]) -> bool:
        """A node that is there before and after, with other weights: something was folded into it."""
        return set(old[key].inputs) & weights[0] != set(new[key].inputs) & weights[1]

    return {key: "removed" for key in old if key not in new}, {
        key: "new" if key not in old else "new weights" for key in new if key not in old or changed(key)
    }


def _boxes(graph: Graph, marks: Mapping[tuple[str, ...], str]) -> tuple[list[_Box], list[tuple[int, int]]]:
    """Inputs, nodes and outputs in an order in which lines lead from one to a later one."""
    nodes = graph.nodes[: drawn_nodes(graph)]
    constants = graph.constants()
    boxes = [_Box((_short(name),), _type(graph, name), name, "end") for name in graph.inputs]
    makers = {name: at for at, name in enumerate(graph.inputs)}
    edges: dict[tuple[int, int], None] = {}
    for node in nodes:
        edges.update(dict.fromkeys((makers[name], len(boxes)) for name in node.inputs if name in makers))
        makers.update((name, len(boxes)) for name in node.outputs if name)
        boxes.append(_node(graph, node, constants, marks.get(node.key, "")))
    for name in graph.outputs:
        if name in makers:
            edges[makers[name], len(boxes)] = None
            boxes.append(_Box((_short(name),), "", name, "end"))
    return boxes, list(edges)


def _node(graph: Graph, node: Node, constants: Collection[str], mark: str) -> _Box:
    shapes = [_type(graph, name) for name in node.inputs if name in constants and _type(graph, name)]
    weights = ", ".join(shape for shape in shapes if shape != "scalar")
    lines = [_short(node.operator), *([_short(weights)] if weights else []), *([mark] if mark else [])]
    hint = "\n".join(filter(None, [f"{node.operator} {node.name}".strip(), weights and f"weights {weights}"]))
    family = _FAMILY.get(node.operator, "other")
    return _Box(lines, _type(graph, node.outputs[0]), hint, f"node {family} {mark}".strip())


def _box(box: _Box, x: float, y: float) -> Html:
    width, height = box.width, box.height
    left = x - width / 2
    rounded = height / 2 if box.class_ == "end" else 5.0
    shapes = [element("rect", x=left, y=y, width=width, height=height, rx=rounded, class_="body")]
    if box.class_ != "end":
        shapes.append(element("rect", x=left, y=y + 5, width=4, height=height - 10, class_="stripe"))
    texts = [
        element("text", line, x=x, y=y + 5 + _LINE * (at + 0.75), class_=None if at == 0 else "small")
        for at, line in enumerate(box.lines)
    ]
    if box.below:
        texts.append(element("text", box.below, x=x + 6, y=y + height + 16, class_="tensor"))
    return element("g", element("title", box.hint), *shapes, *texts, class_=box.class_)


def _line(
    boxes: Sequence[_Box],
    layout: Layout,
    edge: tuple[int, int],
    goal: float,
    drawn: set[tuple[int, float]],
) -> Html:
    """From the middle of the lower side of a box, over the bends, to `goal` on the upper side of another.

    Lines from one box share their bends; the parts that lead to those in `drawn` are there already.
    """
    start, end = edge
    x, top = layout.centers[start]
    y, turn = top + boxes[start].height, layout.floors[start] + _STUB
    path = []
    for bend, enters, leaves in layout.routes[edge]:
        if (start, enters) not in drawn:
            path.append(f"M{x:.1f} {y:.1f}V{turn:.1f}{_curve(x, turn, bend, enters)}V{leaves:.1f}")
            drawn.add((start, enters))
        x, y, turn = bend, leaves, leaves + _STUB
    below = layout.centers[end][1]
    path.append(f"M{x:.1f} {y:.1f}V{turn:.1f}{_curve(x, turn, goal, below)}")
    arrow = f"M{goal - 3.5:.1f} {below - 6:.1f}L{goal:.1f} {below:.1f}L{goal + 3.5:.1f} {below - 6:.1f}z"
    line = element("path", d="".join(path), class_="line")
    return join([line, element("path", d=arrow, class_="arrow")])


def _ports(
    boxes: Sequence[_Box], layout: Layout, edges: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], float]:
    """The x at which each line enters its box: those of one box side by side, in the order in which they come."""

    def origin(line: tuple[int, int]) -> float:
        bends = layout.routes[line]
        return bends[-1][0] if bends else layout.centers[line[0]][0]

    entering: dict[int, list[tuple[int, int]]] = {}
    for line in edges:
        entering.setdefault(line[1], []).append(line)
    ports: dict[tuple[int, int], float] = {}
    for end, lines in entering.items():
        step = min(_PORT, (boxes[end].width - 12) / max(1, len(lines) - 1))
        first = layout.centers[end][0] - step * (len(lines) - 1) / 2
        ports.update((line, first + at * step) for at, line in enumerate(sorted(lines, key=origin)))
    return ports


def _curve(x: float, y: float, goal: float, below: float) -> str:
    if abs(goal - x) < 0.5:
        return f"V{below:.1f}"
    middle = (y + below) / 2
    return f"C{x:.1f} {middle:.1f} {goal:.1f} {middle:.1f} {goal:.1f} {below:.1f}"


def _type(graph: Graph, name: str) -> str:
    kind = graph.tensors.get(name)
    return str(kind) if kind else ""


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
