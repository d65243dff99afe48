"""What needs a whole row at a time: softmax, and normalisation to mean 0 and variance 1.

Rows are the last dimension of views, whose stride there is 1; the other dimensions may lie in any order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

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
from ironworks.compiler.native.view import View, coalesced

X, Y, GAMMA, BETA = Buffer("x"), Buffer("y"), Buffer("gamma"), Buffer("beta")


def softmax_kernel(
    source: View, result: View, lanes: int, log: bool = False, parallel: bool = False
) -> Kernel:
    """`y = e^(x - max) / Σ e^(x - max)`, or its logarithm; the parameters are x and y."""
    rows = _Rows(source, result, lanes)

    def scaled(c: Index, count: int) -> list[Statement]:
        return [rows.store(c, count, ir.multiply(rows.y(c, count), Local("scale")))]

    def shifted(c: Index, count: int) -> list[Statement]:
        distance = Apply("sub", (rows.x(c, count)[1], Local("most")))
        return [rows.store(c, count, Apply("sub", (distance, Local("shift"))))]

    shift = Apply("log", (Local("total"),))
    body: list[Statement] = [
        *rows.reduce("most", "max", rows.x),
        *rows.reduce("total", "add", rows.powers),
        Let("shift", shift, 1) if log else Let("scale", Apply("div", (Number(1.0), Local("total"))), 1),
        *rows.each(shifted if log else scaled),
    ]
    return Kernel("softmax", (X, Y), tuple(rows.loops(body, parallel)))


def normalise_kernel(
    source: View,
    result: View,
    epsilon: float,
    lanes: int,
    *,
    centred: bool = True,
    shift: bool,
    parallel: bool = False,
) -> Kernel:
    """`y = (x - mean) / √(variance + ε) · gamma + beta`, with `beta` if `shift`; parameters x, y, gamma[, beta].

    The variance is the mean of (x - mean)², in a pass of its own, which loses no digits. Where it is not `centred`
    the mean counts as 0 (Zhang and Sennrich, 2019).
    """
    rows = _Rows(source, result, lanes)
    length = Number(1.0 / source.shape[-1])

    def finish(c: Index, count: int) -> list[Statement]:
        distance = Apply("sub", (rows.x(c, count)[1], Local("mean")))
        value = ir.multiply(ir.multiply(distance, Local("scale")), Load(GAMMA, c, lanes, count))
        return [rows.store(c, count, ir.add(value, Load(BETA, c, lanes, count)) if shift else value)]

    deviation = ir.add(ir.multiply(Local("squares"), length), Number(epsilon))
    body: list[Statement] = [
        *(rows.reduce("sum", "add", rows.x) if centred else []),
        Let("mean", ir.multiply(Local("sum"), length) if centred else Number(0.0), 1),
        *rows.reduce("squares", "add", rows.squares),
        Let("scale", Apply("div", (Number(1.0), Apply("sqrt", (deviation,)))), 1),
        *rows.each(finish),
    ]
    parameters = (X, Y, GAMMA, *([BETA] if shift else []))
    return Kernel("normalise", parameters, tuple(rows.loops(body, parallel)))


_Element = tuple[list[Statement], Value]


class _Rows:
    def __init__(self, source: View, result: View, lanes: int) -> None:
        strides, sizes = coalesced(result.shape[:-1], [source.strides[:-1], result.strides[:-1]])
        self._sizes = sizes
        self._source, self._result = (View(sizes, own) for own in strides)
        self._length = result.shape[-1]
        self._lanes = lanes

    def _start(self, view: View) -> Index:
        return view.at([ir.variable(f"i{axis}") for axis in range(len(self._sizes))])

    def loops(self, body: list[Statement], parallel: bool) -> list[Statement]:
        """`body` for every row."""
        for axis in reversed(range(len(self._sizes))):
            body = ir.loop(f"i{axis}", self._sizes[axis], body)
        if parallel and len(body) == 1 and isinstance(body[0], ir.For):
            body = [replace(body[0], parallel=True)]
        return body

    def each(self, step: Callable[[Index, int], list[Statement]]) -> list[Statement]:
        """`step(position, count)` for every vector of the row; the last has `count` numbers if it is not whole."""
        full, rest = divmod(self._length, self._lanes)
        body = ir.loop("c", full * self._lanes, step(ir.variable("c"), 0), step=self._lanes) if full else []
        return body + ([ir.Block(tuple(step(Index(full * self._lanes), rest)))] if rest else [])

    def x(self, c: Index, count: int) -> _Element:
        """A vector of x."""
        return [], Load(X, self._start(self._source) + c, self._lanes, count)

    def y(self, c: Index, count: int) -> Value:
        """A vector of y."""
        return Load(Y, self._start(self._result) + c, self._lanes, count)

    def store(self, c: Index, count: int, value: Value) -> Statement:
        """Write a vector of y."""
        return Store(Y, self._start(self._result) + c, value, self._lanes, count)

    def powers(self, c: Index, count: int) -> _Element:
        """e^(x - most), which are written to y as well."""
        centred = Apply("sub", (self.x(c, count)[1], Local("most")))
        made: list[Statement] = [
            Let("power", Apply("exp", (centred,)), self._lanes),
            self.store(c, count, Local("power")),
        ]
        return made, Local("power")

    def squares(self, c: Index, count: int) -> _Element:
        """(x - mean)²."""
        made: list[Statement] = [
            Let("centred", Apply("sub", (self.x(c, count)[1], Local("mean"))), self._lanes)
        ]
        return made, ir.multiply(Local("centred"), Local("centred"))

    def reduce(self, name: str, operation: str, element: Callable[[Index, int], _Element]) -> list[Statement]:
        """`name` becomes the sum or the largest of a row's elements: whole vectors lane by lane, then across."""
        lanes, start = self._lanes, Number(0.0 if operation == "add" else float("-inf"))
        full, rest = divmod(self._length, lanes)
        wide = f"{name}_lanes"
        body: list[Statement] = [Let(name, start, 1)]
        if full:
            made, value = element(ir.variable("c"), 0)
            inner = [*made, Set(wide, Apply(operation, (Local(wide), value)))]
            body += [Let(wide, start, lanes), *ir.loop("c", full * lanes, inner, step=lanes)]
            body.append(Set(name, Across(operation, Local(wide), lanes)))
        if rest:
            made, value = element(Index(full * lanes), rest)
            last = Across(operation, value, rest)
            body.append(ir.Block((*made, Set(name, Apply(operation, (Local(name), last))))))
        return body
