"""Softmax over the features of each row: e^(x - max) / Σ e^(x - max)."""

from __future__ import annotations

from collections.abc import Callable

from ironworks.compiler.native import ir
from ironworks.compiler.native.ir import (
    Across,
    Apply,
    Buffer,
    Index,
    Kernel,
    Let,
    Load,
    Local,
    Set,
    Statement,
    Store,
    Value,
)
from ironworks.compiler.native.layout import Layout

X, Y = Buffer("x"), Buffer("y")


def softmax_kernel(source: Layout, result: Layout, lanes: int) -> Kernel:
    """`y = softmax(x)`; the parameters are x and y, whose rows are padded to whole vectors."""
    row = ir.variable("n")
    from_x, to_y = source.at(row, Index(), Index()), result.at(row, Index(), Index())
    body: list[Statement] = [
        Let("most", Load(X, from_x), 1),
        *_over(source.channels, lanes, lambda c, count: _largest(from_x + c, count, lanes)),
        Let("total", ir.Number(0.0), 1),
        *_over(source.channels, lanes, lambda c, count: _exponential(from_x + c, to_y + c, count, lanes)),
        Let("scale", Apply("div", (ir.Number(1.0), Local("total"))), 1),
        *_over(source.channels, lanes, lambda c, _: [_scaled(to_y + c, lanes)]),
    ]
    return Kernel("softmax", (X, Y), tuple(ir.loop("n", source.images, body)))


def _over(channels: int, lanes: int, step: Callable[[Index, int], list[Statement]]) -> list[Statement]:
    full, rest = divmod(channels, lanes)
    body = ir.loop("c", full * lanes, step(ir.variable("c"), lanes), step=lanes) if full else []
    return body + (step(Index(full * lanes), rest) if rest else [])


def _largest(place: Index, count: int, lanes: int) -> list[Statement]:
    value: Value = Across("max", Load(X, place, lanes), count)
    return [Set("most", Apply("max", (Local("most"), value)))]


def _exponential(source: Index, result: Index, count: int, lanes: int) -> list[Statement]:
    centred = Apply("sub", (Load(X, source, lanes), Local("most")))
    name = f"power_{count}"
    return [
        Let(name, Apply("exp", (centred,)), lanes),
        Store(Y, result, Local(name), lanes),
        Set("total", ir.add(Local("total"), Across("add", Local(name), count))),
    ]


def _scaled(place: Index, lanes: int) -> Statement:
    return Store(Y, place, ir.multiply(Load(Y, place, lanes), Local("scale")), lanes)
