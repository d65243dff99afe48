"""Products of matrices that lie in arrays, one or many: `y[…, m, n] = steps(Σ a[…, m, k] · b[…, k, n])`.

The right matrix is constant, in panels as `dense` has them, or computed, with its rows as they lie. Numbers of
the left one are read one by one, so it may lie in any order: a transposed view needs no copy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import numpy as np

from ironworks.compiler.native import ir
from ironworks.compiler.native.ir import Buffer, Index, Kernel, Let, Load, Local, Set, Splat, Statement, Store
from ironworks.compiler.native.kernels.blocking import Block, ranked
from ironworks.compiler.native.kernels.epilogue import Epilogue
from ironworks.compiler.native.operations import Array
from ironworks.compiler.native.view import View, coalesced

A, B, Y = Buffer("a"), Buffer("b"), Buffer("y")
_UNROLL = 4


@dataclass(frozen=True)
class Product:
    """Views of equal rank, batches first; `right` is None for constants packed by `pack_panels`.

    The last dimensions of y, of b and of the epilogue's operands have a stride of 1 (or of 0 in operands).
    """

    left: View
    right: View | None
    result: View
    epilogue: Epilogue[View]
    lanes: int
    registers: int
    block: Block
    parallel: bool = False

    @property
    def batches(self) -> tuple[int, ...]:
        """How many products there are, by dimension."""
        return self.result.shape[:-2]

    @property
    def rows(self) -> int:
        """Of the left matrix."""
        return self.result.shape[-2]

    @property
    def outputs(self) -> int:
        """Columns of the right matrix."""
        return self.result.shape[-1]

    @property
    def inner(self) -> int:
        """What is summed over."""
        return self.left.shape[-1]

    @property
    def width(self) -> int:
        """Outputs of a panel."""
        return self.block.columns * self.lanes

    @property
    def flops(self) -> float:
        """Floating-point operations of all."""
        return 2.0 * prod(self.result.shape) * self.inner


def describe(
    left: View, right: View | None, result: View, epilogue: Epilogue[View], lanes: int, registers: int
) -> Product:
    """The product with as few batches as the views allow; how it is kept in registers is left open."""
    operands = [view for view in epilogue.layouts if view is not None]
    views = [left, *([right] if right else []), result, *operands]
    kept = 2 if right else 1  # rows are a batch more where the right matrix is the same for all
    outer = [view.strides[: len(view.strides) - kept] for view in views]
    strides, sizes = coalesced(result.shape[:-kept], outer)
    if not right and not sizes:
        strides, sizes = [(0,)] * len(views), (1,)
    merged = [
        View((*sizes, *view.shape[-kept:]), (*own, *view.strides[-kept:]))
        for view, own in zip(views, strides, strict=True)
    ]
    placed = iter(merged[2 + bool(right) :])
    layouts = [None if view is None else next(placed) for view in epilogue.layouts]
    result = merged[1 + bool(right)]
    steps = Epilogue(tuple(epilogue.steps), tuple(layouts))
    return Product(merged[0], merged[1] if right else None, result, steps, lanes, registers, Block(1, 1))


def blocks(product: Product) -> list[Block]:
    """How it could be kept in registers, the estimated best first."""
    return ranked(product.rows, -(-product.outputs // product.lanes), product.registers, split=True)


def pack_panels(product: Product, weight: Array) -> Array:
    """`weight` (inner, outputs) as the kernel reads it: (panels, inner, width)."""
    panels = -(-product.outputs // product.width)
    padded = np.zeros((product.inner, panels * product.width), np.float32)
    padded[:, : product.outputs] = weight
    return padded.reshape(product.inner, panels, product.width).transpose(1, 0, 2)


def product_kernel(product: Product) -> Kernel:
    """The kernel; its parameters are a, b, y and the epilogue's operands."""
    panel = ir.variable("panel")
    full, rest = divmod(product.outputs, product.width)
    body = _panel(product, panel, product.width)
    if rest and full:
        body = [ir.Below("panel", full, tuple(body), tuple(_panel(product, panel, rest)))]
    elif rest:
        body = _panel(product, panel, rest)
    body = ir.loop("panel", full + bool(rest), body)
    for axis in reversed(range(len(product.batches))):
        body = ir.loop(f"batch{axis}", product.batches[axis], body)
    if product.parallel and len(body) == 1 and isinstance(body[0], ir.For):
        body = [replace(body[0], parallel=True)]
    return Kernel("product", (A, B, Y, *product.epilogue.parameters), tuple(body))


def _panel(product: Product, panel: Index, outputs: int) -> list[Statement]:
    """All rows by one panel of so many outputs."""
    rows = product.block.rows
    full, rest = divmod(product.rows, rows)
    body: list[Statement] = []
    if full:
        body += ir.loop("m", full * rows, _tile(product, panel, ir.variable("m"), rows, outputs), step=rows)
    if rest:
        body += _tile(product, panel, Index(full * rows), rest, outputs)
    return body


def _counts(product: Product, outputs: int) -> list[int]:
    """For each vector of a panel, 0 if it is whole, else how many of its numbers count."""
    full, rest = divmod(outputs, product.lanes)
    return [0] * full + [rest] * bool(rest)


def _tile(product: Product, panel: Index, row: Index, rows: int, outputs: int) -> list[Statement]:
    lanes, counts, chains = product.lanes, _counts(product, outputs), product.block.chains
    body: list[Statement] = [
        Let(_sum(m, q, chain), ir.Number(0.0), lanes)
        for m in range(rows)
        for q in range(len(counts))
        for chain in range(chains)
    ]
    full, rest = divmod(product.inner, chains)
    k = ir.variable("k")
    if full:
        steps = [s for chain in range(chains) for s in _multiply(product, panel, row, rows, counts, k, chain)]
        body += ir.loop("k", full * chains, steps, step=chains, unroll=max(1, _UNROLL // chains))
    for left in range(rest):
        body += _multiply(product, panel, row, rows, counts, Index(full * chains), left)
    return body + _write(product, panel, row, rows, counts)


def _multiply(
    product: Product, panel: Index, row: Index, rows: int, counts: list[int], k: Index, chain: int
) -> list[Statement]:
    lanes, k, tag = product.lanes, k + chain, f"{chain}_{k.constant}"
    batch = _batch(product)
    body: list[Statement] = []
    for q, count in enumerate(counts):
        if product.right is None:
            place = panel * (product.inner * product.width) + k * product.width + q * lanes
            value = Load(B, place, lanes)
        else:
            place = product.right.at((*batch, k, panel * product.width + q * lanes))
            value = Load(B, place, lanes, count)
        body.append(Let(f"b_{tag}_{q}", value, lanes))
    for m in range(rows):
        where = product.left.at((*batch, row + m, k))
        body.append(Let(f"a_{tag}_{m}", Splat(Load(A, where), lanes), lanes))
        for q in range(len(counts)):
            term = ir.multiply(Local(f"a_{tag}_{m}"), Local(f"b_{tag}_{q}"))
            body.append(Set(_sum(m, q, chain), ir.add(Local(_sum(m, q, chain)), term)))
    return body


def _write(product: Product, panel: Index, row: Index, rows: int, counts: list[int]) -> list[Statement]:
    """Apply the steps and store; long ones in a loop over what was stored, so that they are compiled once."""
    lanes, long = product.lanes, product.epilogue.long
    body: list[Statement] = []
    for m in range(rows):
        for q, count in enumerate(counts):
            total: ir.Value = Local(_sum(m, q, 0))
            for chain in range(1, product.block.chains):
                total = ir.add(total, Local(_sum(m, q, chain)))
            place = _place(product, panel, row + m, q)
            value = total if long else product.epilogue.apply(total, place, lanes, count)
            body.append(Store(Y, product.result.at(place), value, lanes, count))
    if long:
        again: list[Statement] = []
        for q, count in enumerate(counts):
            place = _place(product, panel, row + ir.variable("r"), q)
            where = product.result.at(place)
            again.append(Let(f"value_{q}", Load(Y, where, lanes, count), lanes))
            value = product.epilogue.apply(Local(f"value_{q}"), place, lanes, count)
            again.append(Store(Y, where, value, lanes, count))
        body += ir.loop("r", rows, again)
    return [ir.Block(tuple(body))]


def _place(product: Product, panel: Index, row: Index, q: int) -> tuple[Index, ...]:
    return (*_batch(product), row, panel * product.width + q * product.lanes)


def _batch(product: Product) -> tuple[Index, ...]:
    return tuple(ir.variable(f"batch{axis}") for axis in range(len(product.batches)))


def _sum(m: int, q: int, chain: int) -> str:
    return f"sum_{m}_{q}_{chain}"
