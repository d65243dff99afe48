"""Sums, means, largest and smallest elements over some dimensions of an array."""

from __future__ import annotations

from collections.abc import Sequence

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
    Number,
    Set,
    Statement,
    Store,
    Value,
)
from ironworks.compiler.native.kernels.epilogue import Epilogue
from ironworks.compiler.native.view import View, coalesced

X, Y = Buffer("x"), Buffer("y")
_STARTS = {"add": 0.0, "max": float("-inf"), "min": float("inf"), "mul": 1.0}


def reduction_kernel(
    source: View,
    axes: Sequence[int],
    result: View,
    combine: str,
    before: str,
    epilogue: Epilogue[View],
    lanes: int,
) -> Kernel:
    """`y = steps(x combined over axes)`, `before` (`square`, `abs` or nothing) applied to each element first.

    `result` has the dimensions of x that are kept. The parameters are x and y; the epilogue has numbers only.
    """
    kept = [axis for axis in range(len(source.shape)) if axis not in axes]
    strides, sizes = coalesced(result.shape, [[source.strides[axis] for axis in kept], result.strides])
    (inner,), counts = coalesced([source.shape[a] for a in axes], [[source.strides[a] for a in axes]])
    outer = View(sizes, strides[0])
    job = _Reduction(outer, View(sizes, strides[1]), View(counts, inner), combine, before, epilogue, lanes)
    return Kernel("reduction", (X, Y, *epilogue.parameters), tuple(job.body()))


class _Reduction:
    def __init__(
        self,
        outer: View,
        result: View,
        inner: View,
        combine: str,
        before: str,
        epilogue: Epilogue[View],
        lanes: int,
    ) -> None:
        self._outer, self._result, self._inner = outer, result, inner
        self._combine, self._before, self._epilogue = combine, before, epilogue
        self._across = bool(inner.shape) and inner.strides[-1] == 1
        self._along = bool(outer.shape) and outer.strides[-1] == 1 and result.strides[-1] == 1
        self._lanes = lanes if self._across or self._along else 1

    def body(self) -> list[Statement]:
        """Along the kept elements where these are neighbours, across the summed ones where those are."""
        sizes = self._outer.shape
        if self._across or not self._along:
            body = self._row() if self._across else self._vector(ir.variable(f"i{len(sizes) - 1}"), 0)
            loops = range(len(sizes))
        else:
            last, lanes = f"i{len(sizes) - 1}", self._lanes
            full, rest = divmod(sizes[-1], lanes)
            body = ir.loop(last, full * lanes, self._vector(ir.variable(last), 0), step=lanes) if full else []
            if rest:
                body = [*body, ir.Block(tuple(self._vector(Index(full * lanes), rest)))]
            loops = range(len(sizes) - 1)
        for axis in reversed(loops):
            body = ir.loop(f"i{axis}", sizes[axis], body)
        return body

    def _kept(self, view: View, last: Index) -> Index:
        indices = [ir.variable(f"i{axis}") for axis in range(len(view.shape))]
        return view.at([*indices[:-1], last] if indices else [])

    def _element(self, value: Value, name: str) -> tuple[list[Statement], Value]:
        if self._before == "square":
            return [Let(name, value, self._lanes)], ir.multiply(Local(name), Local(name))
        return [], Apply("abs", (value,)) if self._before == "abs" else value

    def _vector(self, last: Index, count: int) -> list[Statement]:
        """Each lane has a sum of its own."""
        lanes, start = self._lanes, self._kept(self._outer, last)
        place = start + self._inner.at([ir.variable(f"k{axis}") for axis in range(len(self._inner.shape))])
        made, value = self._element(Load(X, place, lanes, count), "element")
        body: list[Statement] = [*made, Set("total", Apply(self._combine, (Local("total"), value)))]
        for axis in reversed(range(len(self._inner.shape))):
            body = ir.loop(f"k{axis}", self._inner.shape[axis], body)
        found = self._epilogue.apply(Local("total"), (), lanes)
        return [
            Let("total", Number(_STARTS[self._combine]), lanes),
            *body,
            Store(Y, self._kept(self._result, last), found, lanes, count),
        ]

    def _row(self) -> list[Statement]:
        """The lanes have parts of one sum."""
        lanes, axes = self._lanes, len(self._inner.shape)
        full, rest = divmod(self._inner.shape[-1], lanes)
        last = ir.variable(f"i{len(self._outer.shape) - 1}")
        outer = [ir.variable(f"k{axis}") for axis in range(axes - 1)]
        start = self._kept(self._outer, last)
        inside: list[Statement] = []
        if full:
            place = start + self._inner.at([*outer, ir.variable("c")])
            made, value = self._element(Load(X, place, lanes), "element")
            step = [*made, Set("wide", Apply(self._combine, (Local("wide"), value)))]
            inside += ir.loop("c", full * lanes, step, step=lanes)
        if rest:
            place = start + self._inner.at([*outer, Index(full * lanes)])
            made, value = self._element(Load(X, place, lanes, rest), "left")
            part = Across(self._combine, value, rest)
            inside.append(ir.Block((*made, Set("total", Apply(self._combine, (Local("total"), part))))))
        for axis in reversed(range(axes - 1)):
            inside = ir.loop(f"k{axis}", self._inner.shape[axis], inside)
        whole = Apply(self._combine, (Local("total"), Across(self._combine, Local("wide"), lanes)))
        return [
            Let("total", Number(_STARTS[self._combine]), 1),
            Let("wide", Number(_STARTS[self._combine]), lanes),
            *inside,
            Let("found", whole, 1),
            Store(Y, self._kept(self._result, last), self._epilogue.apply(Local("found"), (), 1)),
        ]
