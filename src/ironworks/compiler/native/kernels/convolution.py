"""Convolution of images: direct, over blocks of pixels by vectors of output channels; and depthwise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ironworks.compiler.native import ir
from ironworks.compiler.native.ir import Buffer, Index, Kernel, Let, Load, Local, Set, Splat, Statement, Store
from ironworks.compiler.native.kernels.blocking import Block, balanced
from ironworks.compiler.native.kernels.epilogue import Epilogue
from ironworks.compiler.native.layout import Layout, Position
from ironworks.compiler.native.operations import Array

X, W, B, Y = Buffer("x"), Buffer("w"), Buffer("b"), Buffer("y")
_SMALL_WEIGHTS = 1 << 17
_SHORT_RUN = 8
"""Steps of a sum that are written one after the other."""
_LARGE_WEIGHTS = 1 << 20


@dataclass(frozen=True)
class Window:
    """The part of the input that an output pixel reads."""

    height: int
    width: int
    stride_y: int
    stride_x: int
    top: int
    left: int
    step_y: int = 1
    step_x: int = 1


@dataclass(frozen=True)
class Convolution:
    """`y = steps(x * w + b)`.

    `x` points at the first pixel that is not halo; its halo is at least the window's. Weights are packed by
    `pack_weights`, biases padded to the stored channels. `part` is how many of the result's stored channels are
    computed, from the one on that y points at, where it is not all of them: for a group of channels, x and y point
    at its first one, and `source` has as many channels as the group. `blocking` and `order` (of `ORDERS`) are
    estimated where they are not given.
    """

    source: Layout
    result: Layout
    window: Window
    depthwise: bool
    epilogue: Epilogue[Layout]
    lanes: int
    registers: int
    parallel: bool = False
    part: int = 0
    blocking: Block | None = None
    order: str = ""

    @property
    def outputs(self) -> int:
        """Stored channels that are computed."""
        return self.part or self.result.stored

    @property
    def flat(self) -> bool:
        """Whether the pixels of an image may be taken as one long row."""
        plain = self.window == Window(1, 1, 1, 1, 0, 0)
        operands = (layout for layout in self.epilogue.layouts if layout is not None)
        return plain and not any(
            any(layout.halo) or layout.pixels not in (1, self.result.pixels)
            for layout in (self.source, self.result, *operands)
        )

    @property
    def row_length(self) -> int:
        """Pixels that are worked on in a row."""
        return self.result.pixels if self.flat else self.result.width

    @property
    def block(self) -> Block:
        """Pixels × vectors of output channels that a tile has."""
        vectors = self.outputs // self.lanes
        if self.blocking is not None:
            return self.blocking
        if self.depthwise:
            return Block(min(7, self.row_length), 1)
        # A window that is written out keeps what its pixels share in registers too.
        registers = self.registers // 3 if self.short else self.registers
        return balanced(self.row_length, vectors, registers)

    @property
    def run(self) -> int:
        """Numbers of a row of the window that follow each other: all of it where no padding lies between pixels."""
        joined = self.source.stored == self.source.channels and self.window.step_x == 1
        return self.source.channels * (self.window.width if joined else 1)

    @property
    def short(self) -> bool:
        """Whether the steps of a sum over a row of the window are written one after the other."""
        return self.run <= _SHORT_RUN

    @property
    def panels(self) -> int:
        """Blocks of output channels."""
        return self.outputs // (self.block.columns * self.lanes)


def pack_weights(convolution: Convolution, weight: Array) -> Array:
    """`weight` (outputs, inputs a group, height, width) as the kernel reads it.

    Direct: (panels, height, width, inputs, outputs of a panel). Depthwise: (vectors, height, width, lanes).
    """
    stored, lanes = convolution.outputs, convolution.lanes
    padded = np.zeros((stored, *weight.shape[1:]), np.float32)
    padded[: len(weight)] = weight
    if convolution.depthwise:
        return padded.reshape(-1, lanes, *weight.shape[2:]).transpose(0, 2, 3, 1)
    return padded.reshape(convolution.panels, -1, *weight.shape[1:]).transpose(0, 3, 4, 2, 1)


def convolution_kernel(convolution: Convolution) -> Kernel:
    """The kernel; its parameters are x, w, b, y and the epilogue's operands."""
    rows, length = convolution.block.rows, convolution.row_length
    full, rest = divmod(length, rows)
    body: list[Statement] = []
    if full:
        body += ir.loop("x0", full * rows, _tile(convolution, ir.variable("x0"), rows), step=rows)
    if rest:
        body += _tile(convolution, Index(full * rows), rest)
    for name, count in _order(convolution):
        body = ir.loop(name, count, body)
    if convolution.parallel and isinstance(body[0], ir.For) and len(body) == 1:
        outer = body[0]
        body = ir.loop(outer.variable, outer.count, list(outer.body), step=outer.step, parallel=True)
    return Kernel("convolution", (X, W, B, Y, *convolution.epilogue.parameters), tuple(body))


ORDERS = {
    "rows around panels": ("panel", "y0", "n"),
    "panels around rows": ("y0", "panel", "n"),
    "panels around images": ("y0", "n", "panel"),
}
"""The loops around a row of tiles, innermost first."""


def _order(convolution: Convolution) -> list[tuple[str, int]]:
    """The loops around a row of tiles with their counts, innermost first."""
    height = 1 if convolution.flat else convolution.result.height
    counts = {"panel": convolution.panels, "n": convolution.result.images, "y0": height}
    return [(name, counts[name]) for name in ORDERS[convolution.order or _estimated_order(convolution)]]


def _estimated_order(convolution: Convolution) -> str:
    """Small weights stay in the cache, large ones pass through it once."""
    window = convolution.window
    size = convolution.source.channels * convolution.outputs * window.height * window.width * 4
    if convolution.depthwise or (size <= _SMALL_WEIGHTS and not convolution.flat):
        return "rows around panels"
    return "panels around images" if size > _LARGE_WEIGHTS else "panels around rows"


def _tile(convolution: Convolution, x0: Index, rows: int) -> list[Statement]:
    lanes, columns = convolution.lanes, convolution.block.columns
    channel = ir.variable("panel") * (columns * lanes)
    body: list[Statement] = [
        Let(f"sum_{p}_{q}", Load(B, channel + q * lanes, lanes), lanes)
        for p in range(rows)
        for q in range(columns)
    ]
    body += (_depthwise_sums if convolution.depthwise else _direct_sums)(convolution, x0, rows)
    n, y = ir.variable("n"), ir.variable("y0")
    for p in range(rows):
        for q in range(columns):
            position = Position(n, y, x0 + p, channel + q * lanes)
            value = convolution.epilogue.apply(Local(f"sum_{p}_{q}"), position, lanes)
            place = convolution.result.at(n, y, x0 + p) + position.channel
            body.append(Store(Y, place, value, lanes))
    return body


def _first_pixel(convolution: Convolution, x0: Index) -> Index:
    """Where the window of the tile's first pixel begins."""
    window, source = convolution.window, convolution.source
    y, x = ir.variable("y0") * window.stride_y, x0 * window.stride_x
    return source.at(ir.variable("n"), y + -window.top, x + -window.left)


def _direct_sums(convolution: Convolution, x0: Index, rows: int) -> list[Statement]:
    window, source, lanes = convolution.window, convolution.source, convolution.lanes
    columns, inputs = convolution.block.columns, source.channels
    width = columns * lanes
    ky, kx, i = ir.variable("ky"), ir.variable("kx"), ir.variable("i")
    run, short = convolution.run, convolution.short
    inner_pixels = inputs * window.width // run
    weights = (
        ir.variable("panel") * (window.height * window.width * inputs * width)
        + ky * (window.width * inputs * width)
        + kx * (inputs * width)
        + i * width
    )
    start = (
        _first_pixel(convolution, x0)
        + ky * (window.step_y * source.row)
        + kx * (window.step_x * source.stored)
        + i
    )
    body: list[Statement] = []
    for q in range(columns):
        body.append(Let(f"w_{q}", Load(W, weights + q * lanes, lanes), lanes))
    for p in range(rows):
        place = start + p * window.stride_x * source.stored
        body.append(Let(f"x_{p}", Splat(Load(X, place), lanes), lanes))
        for q in range(columns):
            product = ir.multiply(Local(f"x_{p}"), Local(f"w_{q}"))
            body.append(Set(f"sum_{p}_{q}", ir.add(Local(f"sum_{p}_{q}"), product)))
    body = ir.loop("i", run, body, unroll=run if short else 4)
    body = ir.loop("kx", inner_pixels, body)
    return ir.loop("ky", window.height, body, unroll=window.height if short and inner_pixels == 1 else 1)


def _depthwise_sums(convolution: Convolution, x0: Index, rows: int) -> list[Statement]:
    window, source, lanes = convolution.window, convolution.source, convolution.lanes
    start = _first_pixel(convolution, x0) + ir.variable("panel") * lanes
    body: list[Statement] = []
    for ky in range(window.height):
        for kx in range(window.width):
            tap = ky * window.width + kx
            place = ir.variable("panel") * (window.height * window.width * lanes) + tap * lanes
            body.append(Let(f"w_{tap}", Load(W, place, lanes), lanes))
            for p in range(rows):
                x = start + (
                    ky * window.step_y * source.row
                    + (kx * window.step_x + p * window.stride_x) * source.stored
                )
                product = ir.multiply(Load(X, x, lanes), Local(f"w_{tap}"))
                body.append(Set(f"sum_{p}_0", ir.add(Local(f"sum_{p}_0"), product)))
    return body
