"""Places the boxes of a directed graph in layers, from top to bottom.

After K. Sugiyama, S. Tagawa and M. Toda, "Methods for Visual Understanding of Hierarchical System Structures"
(1981): layers by the longest path, places within a layer by barycenters. A line that passes layers gets a bend in
each; lines from one box share theirs. Horizontal places minimise the squared distance to the neighbours', which
under an order and least distances is isotonic regression.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

_ORDER_SWEEPS = 6
_PLACE_SWEEPS = 12
_BEND_WIDTH = 16.0
_BEND_WEIGHT = 4.0
"""How much more a bend resists being moved out of line than a box does."""
_BETWEEN_BOXES = 18.0
_BETWEEN_LAYERS = 44.0


@dataclass(frozen=True)
class Layout:
    """Where everything is, in pixels, with the origin at the upper left.

    Attributes:
        centers: of each box: x, and y of its upper edge.
        floors: the lower edge of the layer of each box.
        routes: for each (from, to), the x of each bend, with the y where it begins and ends.
        width, height: of the whole.
    """

    centers: Sequence[tuple[float, float]]
    floors: Sequence[float]
    routes: Mapping[tuple[int, int], Sequence[tuple[float, float, float]]]
    width: float
    height: float


def lay_out(sizes: Sequence[tuple[float, float]], edges: Iterable[tuple[int, int]]) -> Layout:
    """Place boxes of `sizes` (width, height); an edge (from, to) has `from` < `to`."""
    lines = sorted(set(edges))
    ranks = _ranks(len(sizes), lines)
    layers = _Layers(ranks, lines)
    order = _ordered(layers)
    widths = [width for width, _ in sizes] + [_BEND_WIDTH] * (layers.count - len(sizes))
    x = _places(layers, order, widths)
    tops, heights = _rows(order, [height for _, height in sizes])
    centers = [(x[box], tops[rank]) for box, rank in enumerate(ranks)]
    routes = {
        line: [
            (x[bend], tops[layers.ranks[bend]], tops[layers.ranks[bend]] + heights[layers.ranks[bend]])
            for bend in bends
        ]
        for line, bends in layers.bends.items()
    }
    width = max((x[item] + widths[item] / 2 for item in range(layers.count)), default=0.0)
    floors = [tops[rank] + heights[rank] for rank in ranks]
    return Layout(centers, floors, routes, width, tops[-1] + heights[-1] if tops else 0.0)


def _ranks(count: int, lines: Sequence[tuple[int, int]]) -> list[int]:
    """The layer of each box: below all that it takes from, and what takes from nothing right above its user."""
    ranks = [0] * count
    for start, end in lines:  # sorted, so `start` has its rank
        ranks[end] = max(ranks[end], ranks[start] + 1)
    entered = {end for _, end in lines}
    users: dict[int, list[int]] = {}
    for start, end in lines:
        users.setdefault(start, []).append(ranks[end])
    for box in range(count):
        if box not in entered and box in users:
            ranks[box] = min(users[box]) - 1
    return ranks


class _Layers:
    """The graph in which each line leads to the next layer: boxes first, then bends.

    Attributes:
        ranks: the layer of each.
        bends: for each line between boxes, the bends on its way.
        above, below: neighbours of each, in the layers next to it.
    """

    def __init__(self, ranks: Sequence[int], lines: Sequence[tuple[int, int]]) -> None:
        self.ranks = list(ranks)
        self.bends: dict[tuple[int, int], list[int]] = {}
        self.boxes = len(ranks)
        shared: dict[tuple[int, int], int] = {}
        pairs: dict[tuple[int, int], None] = {}
        for start, end in lines:
            way = [start]
            for rank in range(ranks[start] + 1, ranks[end]):
                if (start, rank) not in shared:
                    shared[start, rank] = len(self.ranks)
                    self.ranks.append(rank)
                way.append(shared[start, rank])
            self.bends[start, end] = way[1:]
            pairs.update(dict.fromkeys(zip(way, [*way[1:], end], strict=True)))
        self.count = len(self.ranks)
        self.above: list[list[int]] = [[] for _ in self.ranks]
        self.below: list[list[int]] = [[] for _ in self.ranks]
        for start, end in pairs:
            self.below[start].append(end)
            self.above[end].append(start)

    def rows(self) -> list[list[int]]:
        """What is in each layer."""
        rows: list[list[int]] = [[] for _ in range(max(self.ranks, default=-1) + 1)]
        for item, rank in enumerate(self.ranks):
            rows[rank].append(item)
        return rows


def _ordered(layers: _Layers) -> list[list[int]]:
    """Each layer from left to right, with few crossings."""
    rows = layers.rows()
    place = {item: float(index) for row in rows for index, item in enumerate(row)}
    for sweep in range(_ORDER_SWEEPS):
        down = sweep % 2 == 0
        neighbours = layers.above if down else layers.below
        for row in rows if down else reversed(rows):
            means = {item: _mean([place[other] for other in neighbours[item]], place[item]) for item in row}
            row.sort(key=means.__getitem__)
            place.update((item, float(index)) for index, item in enumerate(row))
    return rows


def _chains(layers: _Layers) -> list[list[int]]:
    """What leads to one thing only, which nothing else leads to, and so on: it should be one straight line."""
    chains: list[list[int]] = []
    chain_of: dict[int, list[int]] = {}
    for item in sorted(range(layers.count), key=layers.ranks.__getitem__):
        above = layers.above[item]
        if len(above) == 1 and len(layers.below[above[0]]) == 1:
            chain_of[item] = chain_of[above[0]]
        else:
            chain_of[item] = []
            chains.append(chain_of[item])
        chain_of[item].append(item)
    return chains


def _places(layers: _Layers, order: Sequence[Sequence[int]], widths: Sequence[float]) -> list[float]:
    """The x of the center of each: near its neighbours, then in line with its chain. The leftmost edge is at 0."""
    chains = [chain for chain in _chains(layers) if len(chain) > 1]
    x = [0.0] * layers.count
    for row in order:
        _spread(row, dict.fromkeys(row, 0.0), layers, widths, x)
    for sweep in range(2 * _PLACE_SWEEPS):
        inline: dict[int, float] = {}
        for chain in chains if sweep >= _PLACE_SWEEPS else ():
            inline.update(dict.fromkeys(chain, _mean([x[item] for item in chain], 0.0)))
        for row in order if sweep % 2 == 0 else reversed(order):
            wanted = {item: inline[item] if item in inline else _between(layers, item, x) for item in row}
            _spread(row, wanted, layers, widths, x)
    left = min((place - width / 2 for place, width in zip(x, widths, strict=True)), default=0.0)
    return [place - left for place in x]


def _between(layers: _Layers, item: int, x: Sequence[float]) -> float:
    """The mean of its neighbours' places."""
    return _mean([x[other] for other in layers.above[item] + layers.below[item]], x[item])


def _spread(
    row: Sequence[int], wanted: Mapping[int, float], layers: _Layers, widths: Sequence[float], x: list[float]
) -> None:
    """Put a layer as near to where each wants to be as the order and the widths allow.

    Pool adjacent violators: blocks that would overlap are merged, and lie at their weighted mean.
    """
    offsets = [0.0]
    for left, right in pairwise(row):
        offsets.append(offsets[-1] + (widths[left] + widths[right]) / 2 + _BETWEEN_BOXES)
    blocks: list[tuple[float, float, int]] = []
    for item, offset in zip(row, offsets, strict=True):
        mean, count = wanted[item] - offset, 1
        weight = 1.0 if item < layers.boxes else _BEND_WEIGHT
        while blocks and blocks[-1][0] >= mean:
            other, its_weight, its_count = blocks.pop()
            mean = (mean * weight + other * its_weight) / (weight + its_weight)
            weight, count = weight + its_weight, count + its_count
        blocks.append((mean, weight, count))
    places = (mean for mean, _, count in blocks for _ in range(count))
    for item, offset, place in zip(row, offsets, places, strict=True):
        x[item] = place + offset


def _rows(order: Sequence[Sequence[int]], heights: Sequence[float]) -> tuple[list[float], list[float]]:
    """The upper edge and the height of each layer."""
    tops, tallest, y = [], [], 0.0
    for row in order:
        height = max((heights[item] for item in row if item < len(heights)), default=0.0)
        tops.append(y)
        tallest.append(height)
        y += height + _BETWEEN_LAYERS
    return tops, tallest


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
