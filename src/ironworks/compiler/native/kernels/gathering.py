"""Rows of a table, chosen by numbers that are known only when it runs: embeddings."""

from __future__ import annotations

from ironworks.compiler.native import ir
from ironworks.compiler.native.ir import Buffer, Index, Kernel, Load, Statement, Store
from ironworks.compiler.native.view import View

X, Y = Buffer("x"), Buffer("y")


def gathering_kernel(table: View, rows: View, result: View, dtype: str, lanes: int) -> Kernel:
    """`y[i, …, :] = table[rows[i, …], :]`; the parameters are x (the table), rows (of `dtype`) and y.

    Rows of the table and of y are dense. Numbers that are no row of it are taken for its first or last.
    """
    chosen = Buffer("rows", dtype)
    indices = [ir.variable(f"i{axis}") for axis in range(len(rows.shape))]
    length = table.shape[-1]
    full, rest = divmod(length, lanes)
    source, target = ir.variable("row") * table.strides[0], result.at([*indices, Index()])
    c = ir.variable("c")
    body: list[Statement] = [ir.LoadIndex("row", chosen, rows.at(indices), table.shape[0])]
    if full:
        body += ir.loop(
            "c", full * lanes, [Store(Y, target + c, Load(X, source + c, lanes), lanes)], step=lanes
        )
    if rest:
        end = Index(full * lanes)
        body.append(Store(Y, target + end, Load(X, source + end, lanes, rest), lanes, rest))
    for axis in reversed(range(len(rows.shape))):
        body = ir.loop(f"i{axis}", rows.shape[axis], body)
    if len(body) > 1:
        body = [ir.Block(tuple(body))]
    return Kernel("gathering", (X, chosen, Y), tuple(body))
