"""Largest or mean value of each window of an image.

Output pixels fall into regions whose windows are cut by the same edges of the image, so that no kernel asks
at run time where a window ends.
"""

from __future__ import annotations

from dataclasses import dataclass

from ironworks.compiler.native import ir
from ironworks.compiler.native.ir import Apply, Buffer, Index, Kernel, Let, Load, Local, Set, Statement, Store
from ironworks.compiler.native.kernels.convolution import Window
from ironworks.compiler.native.kernels.epilogue import Epilogue
from ironworks.compiler.native.layout import Layout, Position

X, Y = Buffer("x"), Buffer("y")
_UNROLLED_TAPS = 16


@dataclass(frozen=True)
class Pooling:
    """`largest` or the mean; of a mean `count_padding` says whether pixels beyond the edge count as zeros."""

    source: Layout
    result: Layout
    window: Window
    bottom: int
    right: int
    largest: bool
    count_padding: bool
    epilogue: Epilogue[Layout]
    lanes: int


@dataclass(frozen=True)
class Region:
    """Output positions `start` … `start + count - 1`, whose windows keep the taps `low` … `high - 1`.

    `counted` taps lie within the image and its padding.
    """

    start: int
    count: int
    low: int
    high: int
    counted: int


def regions(
    outputs: int, inputs: int, size: int, stride: int, before: int, after: int, step: int
) -> list[Region]:
    """Split one axis; every region has windows with at least one tap inside."""
    found: list[Region] = []
    for position in range(outputs):
        begin = position * stride - before
        inside = [tap for tap in range(size) if 0 <= begin + tap * step < inputs]
        counted = sum(begin + tap * step < inputs + after for tap in range(size))
        low, high = (inside[0], inside[-1] + 1) if inside else (0, 0)
        last = found[-1] if found else None
        if last and (last.low, last.high, last.counted) == (low, high, counted):
            found[-1] = Region(last.start, last.count + 1, low, high, counted)
        else:
            found.append(Region(position, 1, low, high, counted))
    return found


def pooling_kernel(pooling: Pooling) -> Kernel:
    """The kernel; its parameters are x, y and the epilogue's operands."""
    window, source, result = pooling.window, pooling.source, pooling.result
    rows = regions(
        result.height,
        source.height,
        window.height,
        window.stride_y,
        window.top,
        pooling.bottom,
        window.step_y,
    )
    columns = regions(
        result.width, source.width, window.width, window.stride_x, window.left, pooling.right, window.step_x
    )
    body: list[Statement] = []
    for row in rows:
        inner: list[Statement] = []
        for column in columns:
            inner += ir.loop("x0", column.count, _pixel(pooling, row, column))
        body += ir.loop("y0", row.count, inner)
    body = ir.loop("n", result.images, body)
    return Kernel("pooling", (X, Y, *pooling.epilogue.parameters), tuple(body))


def _pixel(pooling: Pooling, row: Region, column: Region) -> list[Statement]:
    lanes, window = pooling.lanes, pooling.window
    n, y, x = ir.variable("n"), ir.variable("y0") + row.start, ir.variable("x0") + column.start
    channel = ir.variable("c")
    corner = pooling.source.at(n, y * window.stride_y + -window.top, x * window.stride_x + -window.left)
    start = float("-inf") if pooling.largest else 0.0
    body: list[Statement] = [Let("result", ir.Number(start), lanes)]
    body += _taps(pooling, row, column, corner + channel)
    value: ir.Value = Local("result")
    if not pooling.largest:
        inside = (row.high - row.low) * (column.high - column.low)
        count = row.counted * column.counted if pooling.count_padding else inside
        value = ir.multiply(value, ir.Number(1.0 / max(count, 1)))
    position = Position(n, y, x, channel)
    value = pooling.epilogue.apply(value, position, lanes)
    body.append(Store(Y, pooling.result.at(n, y, x) + channel, value, lanes))
    return ir.loop("c", pooling.result.stored, body, step=lanes)


def _taps(pooling: Pooling, row: Region, column: Region, start: Index) -> list[Statement]:
    window, source, lanes = pooling.window, pooling.source, pooling.lanes
    height, width = row.high - row.low, column.high - column.low
    if not height or not width:
        return []
    operation = "max" if pooling.largest else "add"

    def tap(y: Index, x: Index) -> Statement:
        place = start + (y + row.low) * (window.step_y * source.row)
        place = place + (x + column.low) * (window.step_x * source.stored)
        return Set("result", Apply(operation, (Local("result"), Load(X, place, lanes))))

    if height * width <= _UNROLLED_TAPS:
        return [tap(Index(y), Index(x)) for y in range(height) for x in range(width)]
    return ir.loop("ky", height, ir.loop("kx", width, [tap(ir.variable("ky"), ir.variable("kx"))]))
