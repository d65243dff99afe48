"""Rows times a constant matrix.

The weights lie in panels of `columns` vectors of outputs: for each panel and input, its weights one after the
other. One row reads the weights once, at the speed of the cache that holds them; several rows share each
vector of weights from a register.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ironworks.compiler.native import ir
from ironworks.compiler.native.ir import Buffer, Index, Kernel, Let, Load, Local, Set, Splat, Statement, Store
from ironworks.compiler.native.kernels.blocking import Block, ranked
from ironworks.compiler.native.kernels.epilogue import Epilogue
from ironworks.compiler.native.layout import Layout, Position
from ironworks.compiler.native.operations import Array

X, W, B, Y = Buffer("x"), Buffer("w"), Buffer("b"), Buffer("y")
_POSITIONS = Buffer("positions", "int32")
_PANEL_BYTES = 24576
"""Of a panel that stays in the first-level cache while several rows pass over it."""
_LONG_SUM = 32


@dataclass(frozen=True)
class Dense:
    """`y[m] = steps(x[m] · w + b)`.

    Attributes:
        rows, inputs, outputs: sizes.
        source: layout of x: a row is an image's pixels, one after the other, `channels` of each.
        result: layout of y.
        skip_zeros: find the inputs that are not zero first, and multiply only these where they are few.
    """

    rows: int
    inputs: int
    outputs: int
    source: Layout
    result: Layout
    epilogue: Epilogue[Layout]
    lanes: int
    registers: int
    block: Block
    skip_zeros: bool = False
    parallel: bool = False

    @property
    def width(self) -> int:
        """Outputs of a panel."""
        return self.block.columns * self.lanes

    @property
    def panels(self) -> int:
        """How many there are."""
        return -(-self.outputs // self.width)


def blocks(dense: Dense) -> list[Block]:
    """How a product could be kept in registers, the estimated best first: a single row takes wide panels."""
    vectors = -(-dense.outputs // dense.lanes)
    if dense.rows > 1:
        return ranked(dense.rows, vectors, dense.registers, split=True)
    widths = [width for width in range(1, min(vectors, 8) + 1) if vectors % width == 0]
    return [Block(1, width, max(1, 8 // width)) for width in reversed(widths)]


def pack_weights(dense: Dense, weight: Array) -> Array:
    """`weight` (inputs, outputs) as the kernel reads it: (panels, inputs, width)."""
    padded = np.zeros((dense.inputs, dense.panels * dense.width), np.float32)
    padded[:, : dense.outputs] = weight
    return padded.reshape(dense.inputs, dense.panels, dense.width).transpose(1, 0, 2)


def pack_bias(dense: Dense, bias: Array) -> Array:
    """`bias` padded to whole panels."""
    return np.pad(bias, (0, dense.panels * dense.width - dense.outputs))


def dense_kernel(dense: Dense) -> Kernel:
    """The kernel; its parameters are x, w, b, y and the epilogue's operands."""
    if dense.skip_zeros:
        body = _skipping(dense)
    else:
        body = _panels(dense, _all_inputs)
    return Kernel("dense", (X, W, B, Y, *dense.epilogue.parameters), tuple(body))


_Sums = Callable[["Dense", Index, Index, int], list[Statement]]


def _panels(dense: Dense, sums: _Sums) -> list[Statement]:
    panel, rows = ir.variable("panel"), dense.block.rows
    full, rest = divmod(dense.rows, rows)
    body: list[Statement] = []
    if full:
        inner = _tile(dense, panel, ir.variable("m"), rows, sums)
        body += ir.loop("m", full * rows, inner, step=rows)
    if rest:
        body += _tile(dense, panel, Index(full * rows), rest, sums)
    return ir.loop("panel", dense.panels, body, parallel=dense.parallel)


def _tile(dense: Dense, panel: Index, row: Index, rows: int, sums: _Sums) -> list[Statement]:
    """`rows` rows by one panel."""
    lanes = dense.lanes
    body: list[Statement] = []
    for m in range(rows):
        for q in range(dense.block.columns):
            start = Load(B, panel * dense.width + q * lanes, lanes)
            body.append(Let(_sum(m, q, 0), start, lanes))
            body += [Let(_sum(m, q, chain), ir.Number(0.0), lanes) for chain in range(1, dense.block.chains)]
    body += sums(dense, panel, row, rows)
    for m in range(rows):
        for q in range(dense.block.columns):
            body += _write(dense, panel, row + m, m, q)
    return body


def _write(dense: Dense, panel: Index, row: Index, m: int, q: int) -> list[Statement]:
    total: ir.Value = Local(_sum(m, q, 0))
    for chain in range(1, dense.block.chains):
        total = ir.add(total, Local(_sum(m, q, chain)))
    column = panel * dense.width + q * dense.lanes
    position = Position(row, Index(), Index(), column)
    value = dense.epilogue.apply(total, position, dense.lanes)
    return [Store(Y, dense.result.at(row, Index(), Index()) + column, value, dense.lanes)]


def _sum(m: int, q: int, chain: int) -> str:
    return f"sum_{m}_{q}_{chain}"


def _all_inputs(dense: Dense, panel: Index, row: Index, rows: int) -> list[Statement]:
    """Every channel of every pixel in turn, some in chains side by side."""
    source, chains = dense.source, dense.block.chains
    pixel, channel = ir.variable("pixel"), ir.variable("channel")
    full, rest = divmod(source.channels, chains)
    body: list[Statement] = []
    if full:
        inner = [
            statement
            for chain in range(chains)
            for statement in _multiply(dense, panel, row, rows, pixel, channel + chain, chain)
        ]
        unroll = max(1, 4 // chains) if full > _LONG_SUM else 1
        body += ir.loop("channel", full * chains, inner, step=chains, unroll=unroll)
    for left in range(rest):
        body += _multiply(dense, panel, row, rows, pixel, Index(full * chains + left), left)
    return ir.loop("pixel", source.pixels, body)


def _multiply(
    dense: Dense, panel: Index, row: Index, rows: int, pixel: Index, channel: Index, chain: int
) -> list[Statement]:
    """Add one input's part to the sums of `chain`."""
    source, lanes = dense.source, dense.lanes
    number = pixel * source.channels + channel
    place = panel * (dense.inputs * dense.width) + number * dense.width
    body: list[Statement] = []
    tag = f"{chain}_{channel.constant}"
    for q in range(dense.block.columns):
        body.append(Let(f"w_{tag}_{q}", Load(W, place + q * lanes, lanes), lanes))
    for m in range(rows):
        where = source.at(row + m, Index(), Index()) + pixel * source.stored + channel
        body.append(Let(f"x_{tag}_{m}", Splat(Load(X, where), lanes), lanes))
        for q in range(dense.block.columns):
            product = ir.multiply(Local(f"x_{tag}_{m}"), Local(f"w_{tag}_{q}"))
            body.append(Set(_sum(m, q, chain), ir.add(Local(_sum(m, q, chain)), product)))
    return body


def _skipping(dense: Dense) -> list[Statement]:
    """One row: find what is not zero; where that is most of it, go over all inputs without the detour."""
    most = dense.inputs * 3 // 4
    start = dense.source.at(Index(), Index(), Index())
    return [
        ir.Scratch(_POSITIONS, dense.inputs),
        ir.FindNonzero(X, start, dense.inputs, _POSITIONS, "found"),
        ir.Below("found", most, tuple(_panels(dense, _found_inputs)), tuple(_panels(dense, _all_inputs))),
    ]


def _found_inputs(dense: Dense, panel: Index, row: Index, rows: int) -> list[Statement]:
    where = ir.variable("where")
    inner: list[Statement] = [ir.LoadIndex("where", _POSITIONS, ir.variable("i"))]
    inner += _multiply(dense, panel, row, rows, Index(), where, 0)
    return ir.loop("i", ir.variable("found"), inner, unroll=4)
