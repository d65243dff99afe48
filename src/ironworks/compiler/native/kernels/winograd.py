"""Convolution with a 3 × 3 window and stride 1 by Winograd's minimal filtering: fewer products, more sums.

A tile of `size` × `size` results needs (size + 2)² products a channel instead of 9 · size². The input's tiles
are transformed, multiplied by the transformed weights (one matrix product for each of the (size + 2)²
positions), and transformed back. Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks"
(2015); the matrices are those of Toom and Cook for the points 0, ±p, … and infinity.

The tiles of a few rows make a block, whose transformed input stays in the cache for the products. Where the
size does not divide the image, the last tiles overlap the ones before them: they compute some results again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod, sqrt

import numpy as np

from ironworks.compiler.native import ir
from ironworks.compiler.native.ir import Buffer, Index, Kernel, Let, Load, Local, Set, Splat, Statement, Store
from ironworks.compiler.native.kernels import blocking
from ironworks.compiler.native.kernels.blocking import Block
from ironworks.compiler.native.kernels.epilogue import Epilogue
from ironworks.compiler.native.layout import Layout, Position
from ironworks.compiler.native.operations import Array

X, W, B, Y = Buffer("x"), Buffer("w"), Buffer("b"), Buffer("y")
TRANSFORMED = Buffer("transformed")
_PRODUCTS = Buffer("products")
_POINTS: dict[int, tuple[float, ...]] = {2: (1.0,), 4: (sqrt(0.5), sqrt(2.0))}
"""By size, the p of ±p. With these two for size 4, rounding errors are about a third of those of 1 and 2."""


@dataclass(frozen=True)
class Transforms:
    """`y = back (weight (g) · data (d))` for one dimension: (size, n), (n, 3) and (n, n) with n = size + 2."""

    back: Array
    weight: Array
    data: Array


def transforms(size: int) -> Transforms:
    """The matrices for tiles of `size` results."""
    points = [0.0] + [sign * p for p in _POINTS[size] for sign in (1, -1)]
    n = size + 2
    back, weight, data = np.zeros((size, n)), np.zeros((n, 3)), np.zeros((n, n))
    for j, point in enumerate(points):
        others = points[:j] + points[j + 1 :]
        back[:, j] = [point**i for i in range(size)]
        weight[j] = np.array([1, point, point**2]) / prod(point - other for other in others)
        data[j, : n - 1] = np.poly(others)[::-1]
    back[-1, -1] = weight[-1, -1] = 1
    data[-1] = np.poly(points)[::-1]
    return Transforms(back, weight, np.where(abs(data) < 1e-9, 0, data))


@dataclass(frozen=True)
class Tiles:
    """`rows` × `columns` tiles of `size` × `size` results; the last ones begin at `last_y`, `last_x` at most."""

    size: int
    rows: int
    columns: int
    last_y: int
    last_x: int

    @property
    def count(self) -> int:
        """All of them."""
        return self.rows * self.columns

    @property
    def positions(self) -> int:
        """Of a transformed tile."""
        return (self.size + 2) ** 2

    def at(self, row: Index, column: Index) -> list[Statement]:
        """The variables `tile_y` and `tile_x` become the first result of a tile."""
        return [
            ir.Limit("tile_y", row * self.size, self.last_y),
            ir.Limit("tile_x", column * self.size, self.last_x),
        ]


@dataclass(frozen=True)
class Winograd:
    """One block of tiles; `source` and `result` are the whole images, `top` and `left` the window's padding."""

    source: Layout
    result: Layout
    tiles: Tiles
    top: int
    left: int
    epilogue: Epilogue[Layout]
    lanes: int
    registers: int
    parallel: bool = False

    @property
    def block(self) -> Block:
        """Tiles × vectors of output channels of a product that is kept in registers."""
        return blocking.balanced(self.tiles.count, self.result.stored // self.lanes, self.registers)

    @property
    def panels(self) -> int:
        """Blocks of output channels."""
        return self.result.stored // self.width

    @property
    def width(self) -> int:
        """Output channels of a panel."""
        return self.block.columns * self.lanes

    @property
    def transformed(self) -> int:
        """Elements of the transformed input."""
        return self.tiles.positions * self.tiles.count * self.source.stored


def blocks(result: Layout, size: int, rows: int) -> list[tuple[int, Tiles]]:
    """The blocks of an image, of `rows` rows of tiles each: the first row of results, and the tiles."""
    all_rows, columns = -(-result.height // size), -(-result.width // size)
    rows = min(rows, all_rows)
    starts = sorted({min(start, all_rows - rows) for start in range(0, all_rows, rows)})
    return [
        (start * size, Tiles(size, rows, columns, result.height - size - start * size, result.width - size))
        if start == starts[-1]
        else (start * size, Tiles(size, rows, columns, (rows - 1) * size, result.width - size))
        for start in starts
    ]


def pack_weights(winograd: Winograd, weight: Array) -> Array:
    """`weight` (outputs, inputs, 3, 3), transformed: (panels, positions, inputs, outputs of a panel)."""
    g = transforms(winograd.tiles.size).weight
    padded = np.zeros((winograd.result.stored, *weight.shape[1:]))
    padded[: len(weight)] = weight
    moved: Array = np.einsum("ay,oiyx,bx->oiab", g, padded, g, optimize=True).astype(np.float32)
    split: Array = moved.reshape(winograd.panels, winograd.width, weight.shape[1], -1)
    return split.transpose(0, 3, 2, 1)


def input_kernel(winograd: Winograd) -> Kernel:
    """Transforms the tiles of a block; its parameters are x and the transformed tiles, by position."""
    tiles, source, lanes = winograd.tiles, winograd.source, winograd.lanes
    n, channel = tiles.size + 2, ir.variable("channel")
    corner = (
        source.at(Index(), ir.variable("tile_y") + -winograd.top, ir.variable("tile_x") + -winograd.left)
        + channel
    )
    body: list[Statement] = []
    for i in range(n):
        for j in range(n):
            value = Load(X, corner + (i * source.row + j * source.stored), lanes)
            body.append(Let(f"d_{i}_{j}", value, lanes))
    matrix = transforms(tiles.size).data
    for j in range(n):
        body += _product(matrix, [f"d_{i}_{j}" for i in range(n)], [f"t_{i}_{j}" for i in range(n)], lanes)
    tile = ir.variable("row") * tiles.columns + ir.variable("column")
    for i in range(n):
        names = [f"v_{i}_{j}" for j in range(n)]
        body += _product(matrix, [f"t_{i}_{j}" for j in range(n)], names, lanes)
        for j, name in enumerate(names):
            place = tile * source.stored + channel + (i * n + j) * tiles.count * source.stored
            body.append(Store(TRANSFORMED, place, Local(name), lanes))
    body = ir.loop("channel", source.stored, body, step=lanes)
    body = ir.loop("column", tiles.columns, [*tiles.at(ir.variable("row"), ir.variable("column")), *body])
    body = ir.loop("row", tiles.rows, body, parallel=winograd.parallel)
    return Kernel("winograd_input", (X, TRANSFORMED), tuple(body))


def result_kernel(winograd: Winograd) -> Kernel:
    """Multiplies and transforms back; its parameters are the transformed tiles, w, b, y and the epilogue's operands."""
    products = ir.Scratch(_PRODUCTS, winograd.tiles.positions * winograd.tiles.count * winograd.width)
    body = [products, *_multiply(winograd), *_transform_back(winograd)]
    body = ir.loop("panel", winograd.panels, body, parallel=winograd.parallel)
    parameters = (TRANSFORMED, W, B, Y, *winograd.epilogue.parameters)
    return Kernel("winograd_result", parameters, tuple(body))


def _multiply(winograd: Winograd) -> list[Statement]:
    """For each position: tiles × inputs times inputs × outputs of the panel."""
    rows, count = winograd.block.rows, winograd.tiles.count
    full, rest = divmod(count, rows)
    body: list[Statement] = []
    if full:
        body += ir.loop("t", full * rows, _tile(winograd, ir.variable("t"), rows), step=rows)
    if rest:
        body += _tile(winograd, Index(full * rows), rest)
    return ir.loop("position", winograd.tiles.positions, body)


def _tile(winograd: Winograd, first: Index, rows: int) -> list[Statement]:
    lanes, columns, width = winograd.lanes, winograd.block.columns, winograd.width
    stored, inputs = winograd.source.stored, winograd.source.channels
    count, positions = winograd.tiles.count, winograd.tiles.positions
    position, panel, i = ir.variable("position"), ir.variable("panel"), ir.variable("i")
    weights = panel * (positions * inputs * width) + position * (inputs * width) + i * width
    sums = [f"sum_{m}_{q}" for m in range(rows) for q in range(columns)]
    body: list[Statement] = [
        Let(f"w_{q}", Load(W, weights + q * lanes, lanes), lanes) for q in range(columns)
    ]
    for m in range(rows):
        place = position * (count * stored) + (first + m) * stored + i
        body.append(Let(f"x_{m}", Splat(Load(TRANSFORMED, place), lanes), lanes))
        for q in range(columns):
            product = ir.multiply(Local(f"x_{m}"), Local(f"w_{q}"))
            body.append(Set(f"sum_{m}_{q}", ir.add(Local(f"sum_{m}_{q}"), product)))
    result: list[Statement] = [Let(name, ir.Number(0.0), lanes) for name in sums]
    result += ir.loop("i", inputs, body, unroll=4)
    for m in range(rows):
        for q in range(columns):
            place = position * (count * width) + (first + m) * width + q * lanes
            result.append(Store(_PRODUCTS, place, Local(f"sum_{m}_{q}"), lanes))
    return result


def _transform_back(winograd: Winograd) -> list[Statement]:
    tiles, lanes, width, result = winograd.tiles, winograd.lanes, winograd.width, winograd.result
    n, matrix = tiles.size + 2, transforms(tiles.size).back
    channel = ir.variable("panel") * width + ir.variable("c")
    tile = ir.variable("row") * tiles.columns + ir.variable("column")
    body: list[Statement] = []
    for i in range(n):
        for j in range(n):
            place = tile * width + ir.variable("c") + (i * n + j) * tiles.count * width
            body.append(Let(f"m_{i}_{j}", Load(_PRODUCTS, place, lanes), lanes))
    for j in range(n):
        names = [f"s_{i}_{j}" for i in range(tiles.size)]
        body += _product(matrix, [f"m_{i}_{j}" for i in range(n)], names, lanes)
    body.append(Let("bias", Load(B, channel, lanes), lanes))
    for i in range(tiles.size):
        names = [f"o_{i}_{j}" for j in range(tiles.size)]
        body += _product(matrix, [f"s_{i}_{j}" for j in range(n)], names, lanes)
        for j, name in enumerate(names):
            y, x = ir.variable("tile_y") + i, ir.variable("tile_x") + j
            total = ir.add(Local(name), Local("bias"))
            value = winograd.epilogue.apply(total, Position(Index(), y, x, channel), lanes)
            body.append(Store(Y, result.at(Index(), y, x) + channel, value, lanes))
    body = ir.loop("c", width, body, step=lanes)
    body = ir.loop("column", tiles.columns, [*tiles.at(ir.variable("row"), ir.variable("column")), *body])
    return ir.loop("row", tiles.rows, body)


def _product(matrix: Array, given: Sequence[str], made: Sequence[str], lanes: int) -> list[Statement]:
    """`made = matrix · given`.

    The rows (or columns) of p and -p differ in the signs of every other element, so what they share is
    computed once.
    """
    n = matrix.shape[1]
    body: list[Statement] = []
    pairs = [(j, j + 1) for j in range(1, n - 1, 2)]
    if matrix.shape[0] == n:
        rows = [(0,), *pairs, (n - 1,)]
        for row in rows:
            if len(row) == 1:
                body.append(Let(made[row[0]], _sum(matrix[row[0]], given), lanes))
                continue
            plus, minus = row
            even, odd = (matrix[plus] + matrix[minus]) / 2, (matrix[plus] - matrix[minus]) / 2
            body.append(Let(f"even_{made[plus]}", _sum(even, given), lanes))
            body.append(Let(f"odd_{made[plus]}", _sum(odd, given), lanes))
            even_value, odd_value = Local(f"even_{made[plus]}"), Local(f"odd_{made[plus]}")
            body.append(Let(made[plus], ir.add(even_value, odd_value), lanes))
            body.append(Let(made[minus], ir.Apply("sub", (even_value, odd_value)), lanes))
        return body
    halves = list(given)
    for plus, minus in pairs:
        halves[plus], halves[minus] = f"plus_{given[plus]}", f"minus_{given[plus]}"
        body.append(Let(halves[plus], ir.add(Local(given[plus]), Local(given[minus])), lanes))
        difference = ir.Apply("sub", (Local(given[plus]), Local(given[minus])))
        body.append(Let(halves[minus], difference, lanes))
    split = matrix.copy()
    for plus, minus in pairs:
        split[:, plus] = (matrix[:, plus] + matrix[:, minus]) / 2
        split[:, minus] = (matrix[:, plus] - matrix[:, minus]) / 2
    return body + [Let(name, _sum(row, halves), lanes) for name, row in zip(made, split, strict=True)]


def _sum(factors: Array, names: Sequence[str]) -> ir.Value:
    total: ir.Value | None = None
    for factor, name in zip(factors, names, strict=True):
        if factor == 0:
            continue
        term: ir.Value = Local(name)
        if factor == -1 and total is not None:
            total = ir.Apply("sub", (total, term))
            continue
        if factor != 1:
            term = ir.multiply(ir.Number(float(factor)), term)
        total = term if total is None else ir.add(total, term)
    assert total is not None
    return total
