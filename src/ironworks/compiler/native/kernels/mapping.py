"""Element by element over arrays that lie in any order: chains of steps, copies, transpositions, broadcasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ironworks.compiler.native import ir
from ironworks.compiler.native.ir import Buffer, Index, Kernel, Let, Load, Local, Splat, Statement, Store
from ironworks.compiler.native.kernels.epilogue import Epilogue
from ironworks.compiler.native.view import View, coalesced

Y = Buffer("y")


def mapping_kernel(
    source: View,
    result: View,
    epilogue: Epilogue[View],
    lanes: int,
    dtype: str = "float32",
    parallel: bool = False,
) -> Kernel:
    """`y = steps(x)` for views of one shape; x has `dtype`. The parameters are x, y and the epilogue's operands."""
    operands = [view for view in epilogue.layouts if view is not None]
    strides, sizes = coalesced(result.shape, [view.strides for view in (source, result, *operands)])
    order = _order(strides, sizes)
    sizes = tuple(sizes[axis] for axis in order) or (1,)
    views = [View(sizes, tuple(own[axis] for axis in order) or (1,)) for own in strides]
    placed = iter(views[2:])
    layouts = [None if view is None else next(placed) for view in epilogue.layouts]
    steps = Epilogue(tuple(epilogue.steps), tuple(layouts))
    vectors = dtype == "float32" and views[1].row == 1 and all(view.strides[-1] in (0, 1) for view in views)
    x = Buffer("x", dtype)
    body = _row(x, views[0], views[1], steps, lanes if vectors else 1)
    for axis in reversed(range(len(sizes) - 1)):
        body = ir.loop(f"i{axis}", sizes[axis], body)
    if parallel and len(body) == 1 and isinstance(body[0], ir.For) and len(sizes) > 1:
        body = [replace(body[0], parallel=True)]
    return Kernel("mapping", (x, Y, *steps.parameters), tuple(body))


def _order(strides: Sequence[Sequence[int]], sizes: Sequence[int]) -> list[int]:
    """The dimensions from the outermost loop in: last one of which whole vectors can be read and written, if any.

    Else last the one in which y is written in order.
    """
    axes = sorted(range(len(sizes)), key=lambda axis: -abs(strides[1][axis]))
    fits = [a for a in axes if strides[1][a] == 1 and all(own[a] in (0, 1) for own in strides)]
    inner = max(fits, key=lambda axis: sizes[axis], default=axes[-1] if axes else None)
    return [*(axis for axis in axes if axis != inner), *([] if inner is None else [inner])]


def _row(x: Buffer, source: View, result: View, steps: Epilogue[View], lanes: int) -> list[Statement]:
    length = result.shape[-1]
    full, rest = divmod(length, lanes)
    body: list[Statement] = []
    if full:
        body += ir.loop(
            "c", full * lanes, _element(x, source, result, steps, ir.variable("c"), lanes, 0), step=lanes
        )
    if rest:
        body += [ir.Block(tuple(_element(x, source, result, steps, Index(full * lanes), lanes, rest)))]
    return body


def _element(
    x: Buffer, source: View, result: View, steps: Epilogue[View], c: Index, lanes: int, count: int
) -> list[Statement]:
    place = (*(ir.variable(f"i{axis}") for axis in range(len(result.shape) - 1)), c)
    where, one = source.locate(place)
    value: ir.Value = Splat(Load(x, where), lanes) if one and lanes > 1 else Load(x, where, lanes, count)
    return [
        Let("value", value, lanes),
        Store(Y, result.at(place), steps.apply(Local("value"), place, lanes, count), lanes, count),
    ]
