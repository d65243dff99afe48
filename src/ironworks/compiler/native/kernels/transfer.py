"""Moves tensors: from the caller's arrays and to them, into a part of another tensor, zeros around an image."""

from __future__ import annotations

from ironworks.compiler.native import ir
from ironworks.compiler.native.ir import Buffer, Index, Kernel, Load, Number, Splat, Statement, Store
from ironworks.compiler.native.layout import Layout

X, Y = Buffer("x"), Buffer("y")


def pack_kernel(layout: Layout, lanes: int) -> Kernel:
    """From a dense (N, C, H, W) array x to y, in `layout`."""
    return Kernel("pack", (X, Y), tuple(_transpose(layout, lanes, inward=True)))


def unpack_kernel(layout: Layout, lanes: int, stride: int | None = None) -> Kernel:
    """From x, in `layout`, to a dense (N, C, H, W) array y, or one with `stride` elements an image."""
    return Kernel("unpack", (X, Y), tuple(_transpose(layout, lanes, inward=False, stride=stride)))


def _transpose(layout: Layout, lanes: int, inward: bool, stride: int | None = None) -> list[Statement]:
    n, y, x, c = (ir.variable(name) for name in ("n", "y0", "x0", "c"))
    stride = stride or layout.channels * layout.pixels
    if layout.pixels == 1:
        dense = n * stride
        there = layout.at(n, Index(), Index())
        source, target = (dense, there) if inward else (there, dense)
        return ir.loop("n", layout.images, _copy(source, target, layout.channels, lanes))
    dense = n * stride + c * layout.pixels + y * layout.width + x
    there = layout.at(n, y, x) + c
    source, target = (dense, there) if inward else (there, dense)
    body: list[Statement] = [Store(Y, target, Load(X, source))]
    order = [("c", layout.channels), ("x0", layout.width), ("y0", layout.height), ("n", layout.images)]
    if not inward:
        order = [order[1], order[2], order[0], order[3]]
    for name, count in order:
        body = ir.loop(name, count, body)
    return body


def _copy(source: Index, target: Index, count: int, lanes: int) -> list[Statement]:
    """`count` neighbouring numbers, no more: whole vectors, then one by one."""
    full, rest = count // lanes * lanes, count % lanes
    c, i = ir.variable("c"), ir.variable("i")
    body: list[Statement] = []
    if full:
        body += ir.loop("c", full, [Store(Y, target + c, Load(X, source + c, lanes), lanes)], step=lanes)
    if rest:
        body += ir.loop("i", rest, [Store(Y, target + i + full, Load(X, source + i + full))])
    return body


def place_kernel(source: Layout, result: Layout, lanes: int) -> Kernel:
    """Copy the channels of x into those of y, from the one on that y points at."""
    n, y, x = (ir.variable(name) for name in ("n", "y0", "x0"))
    body = _copy(source.at(n, y, x), result.at(n, y, x), source.channels, lanes)
    for name, count in (("x0", source.width), ("y0", source.height), ("n", source.images)):
        body = ir.loop(name, count, body)
    return Kernel("place", (X, Y), tuple(body))


def border_kernel(layout: Layout, lanes: int) -> Kernel:
    """Write zeros into the halo of y, which points at the beginning of its memory."""
    top, left, bottom, right = layout.halo
    start = ir.variable("n") * layout.image
    inside = start + top * layout.row + ir.variable("y0") * layout.row
    body = [
        *_zeros(start, top * layout.row, lanes),
        *ir.loop(
            "y0",
            layout.height,
            [
                *_zeros(inside, left * layout.stored, lanes),
                *_zeros(inside + (left + layout.width) * layout.stored, right * layout.stored, lanes),
            ],
        ),
        *_zeros(start + (top + layout.height) * layout.row, bottom * layout.row, lanes),
    ]
    return Kernel("border", (Y,), tuple(ir.loop("n", layout.images, body)))


def _zeros(start: Index, count: int, lanes: int) -> list[Statement]:
    """`count` of them, no more."""
    full, rest = count // lanes * lanes, count % lanes
    c, i, zero = ir.variable("c"), ir.variable("i"), Number(0.0)
    body: list[Statement] = []
    if full:
        body += ir.loop("c", full, [Store(Y, start + c, Splat(zero, lanes), lanes)], step=lanes)
    if rest:
        body += ir.loop("i", rest, [Store(Y, start + i + full, zero)])
    return body
