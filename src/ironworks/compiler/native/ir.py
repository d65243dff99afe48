"""The loop-and-tile language between the graph and C.

A kernel is loops around loads, arithmetic on registers and stores. Registers and loads are single numbers or
vectors of `lanes` float32 numbers; indices are affine in the loops' variables. `interpreter` defines what a
kernel means, `c_source` writes it as C.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Index:
    """`constant + Σ coefficient · variable`, in elements."""

    constant: int = 0
    terms: tuple[tuple[str, int], ...] = ()

    def __add__(self, other: Index | int) -> Index:
        if isinstance(other, int):
            return replace(self, constant=self.constant + other)
        terms = dict(self.terms)
        for name, coefficient in other.terms:
            terms[name] = terms.get(name, 0) + coefficient
        kept = tuple(sorted((name, coefficient) for name, coefficient in terms.items() if coefficient))
        return Index(self.constant + other.constant, kept)

    __radd__ = __add__

    def __mul__(self, factor: int) -> Index:
        terms = tuple((name, coefficient * factor) for name, coefficient in self.terms) if factor else ()
        return Index(self.constant * factor, terms)

    __rmul__ = __mul__


def variable(name: str) -> Index:
    """The index that is the variable `name`."""
    return Index(0, ((name, 1),))


@dataclass(frozen=True)
class Buffer:
    """A parameter or scratch array of a kernel; `dtype` is float32, int32 or int64."""

    name: str
    dtype: str = "float32"


@dataclass(frozen=True)
class Number:
    """A constant."""

    value: float


@dataclass(frozen=True)
class Local:
    """A register that a `Let` has made."""

    name: str


@dataclass(frozen=True)
class Load:
    """`lanes` neighbouring elements of a buffer, of any alignment, as float32.

    With `count`, only the first so many are read, and zeros take the place of the others.
    """

    buffer: Buffer
    index: Index
    lanes: int = 1
    count: int = 0


@dataclass(frozen=True)
class Splat:
    """A single number in every lane."""

    value: Value
    lanes: int


@dataclass(frozen=True)
class Apply:
    """An operation, lane by lane: one of `OPERATIONS`."""

    operation: str
    arguments: tuple[Value, ...]


@dataclass(frozen=True)
class Across:
    """The sum, maximum, minimum or product (`add`, `max`, `min`, `mul`) of the first `lanes` lanes of a vector."""

    operation: str
    value: Value
    lanes: int


Value = Number | Local | Load | Splat | Apply | Across

OPERATIONS = {
    "add": 2,
    "sub": 2,
    "mul": 2,
    "div": 2,
    "max": 2,
    "min": 2,
    "neg": 1,
    "abs": 1,
    "sqrt": 1,
    "exp": 1,
    "tanh": 1,
    "sigmoid": 1,
    "erf": 1,
    "log": 1,
    "floor": 1,
}
"""How many arguments each takes."""


@dataclass(frozen=True)
class Let:
    """Make a register of `lanes` numbers."""

    name: str
    value: Value
    lanes: int


@dataclass(frozen=True)
class Set:
    """Give a register another value."""

    name: str
    value: Value


@dataclass(frozen=True)
class Store:
    """Write a number or a vector, at any alignment; with `count`, the first so many of its numbers."""

    buffer: Buffer
    index: Index
    value: Value
    lanes: int = 1
    count: int = 0


@dataclass(frozen=True)
class For:
    """`variable` = 0, step, 2·step … below `count`.

    `unroll` copies of the body are laid out one after the other; `parallel` spreads the iterations over the
    team of threads, and is allowed only around all else.
    """

    variable: str
    count: Index
    body: tuple[Statement, ...]
    step: int = 1
    unroll: int = 1
    parallel: bool = False


@dataclass(frozen=True)
class Scratch:
    """An array of the kernel's own, for the rest of its block."""

    buffer: Buffer
    elements: int


@dataclass(frozen=True)
class FindNonzero:
    """Write the positions of the elements of `source[index : index + count]` that are not zero into `positions`.

    NaN is not zero. The variable `length` becomes their number.
    """

    source: Buffer
    index: Index
    count: int
    positions: Buffer
    length: str


@dataclass(frozen=True)
class LoadIndex:
    """The variable `name` becomes an element of an integer buffer.

    With `size` it is the position in a table of so many rows: counted from the end if negative, and of the
    first or the last row where it would be none.
    """

    name: str
    buffer: Buffer
    index: Index
    size: int = 0


@dataclass(frozen=True)
class Limit:
    """The variable `name` becomes `index`, or `most` if that is less."""

    name: str
    index: Index
    most: int


@dataclass(frozen=True)
class Below:
    """`then` if the variable is less than `limit`, else `otherwise`."""

    variable: str
    limit: int
    then: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]


@dataclass(frozen=True)
class Block:
    """A scope of its own for the registers that its body makes."""

    body: tuple[Statement, ...]


Statement = Let | Set | Store | For | Block | Scratch | FindNonzero | LoadIndex | Limit | Below


@dataclass(frozen=True)
class Kernel:
    """A function over `parameters`; `name` says what it does, and equal kernels are compiled once."""

    name: str
    parameters: tuple[Buffer, ...]
    body: tuple[Statement, ...]

    @property
    def parallel(self) -> bool:
        """Whether a team of threads shares its outermost loop."""
        return bool(self.body) and isinstance(self.body[0], For) and self.body[0].parallel


def loop(
    name: str,
    count: Index | int,
    body: list[Statement],
    *,
    step: int = 1,
    unroll: int = 1,
    parallel: bool = False,
) -> list[Statement]:
    """A `For`; the body alone, with the variable at 0, where it runs just once."""
    bound = Index(count) if isinstance(count, int) else count
    if not bound.terms and 0 < bound.constant <= step:
        once = [_bound_to_zero(statement, name) for statement in body]
        return once if len(once) == 1 else [Block(tuple(once))]
    return [For(name, bound, tuple(body), step, unroll, parallel)]


def add(left: Value, right: Value) -> Value:
    """`left + right`."""
    return Apply("add", (left, right))


def multiply(left: Value, right: Value) -> Value:
    """`left * right`; inside an `add` it is one rounding, where the machine has that."""
    return Apply("mul", (left, right))


def statements(body: tuple[Statement, ...]) -> Iterator[Statement]:
    """All statements, the inner ones too."""
    for statement in body:
        yield statement
        if isinstance(statement, (For, Block)):
            yield from statements(statement.body)
        elif isinstance(statement, Below):
            yield from statements(statement.then)
            yield from statements(statement.otherwise)


def _without(index: Index, name: str) -> Index:
    return replace(index, terms=tuple(term for term in index.terms if term[0] != name))


def _bound_to_zero(statement: Statement, name: str) -> Statement:
    if isinstance(statement, (Let, Set)):
        return replace(statement, value=_value_at_zero(statement.value, name))
    if isinstance(statement, Store):
        value = _value_at_zero(statement.value, name)
        return replace(statement, index=_without(statement.index, name), value=value)
    if isinstance(statement, For):
        body = tuple(_bound_to_zero(inner, name) for inner in statement.body)
        return replace(statement, count=_without(statement.count, name), body=body)
    if isinstance(statement, Block):
        return Block(tuple(_bound_to_zero(inner, name) for inner in statement.body))
    if isinstance(statement, Below):
        then = tuple(_bound_to_zero(inner, name) for inner in statement.then)
        otherwise = tuple(_bound_to_zero(inner, name) for inner in statement.otherwise)
        return replace(statement, then=then, otherwise=otherwise)
    if isinstance(statement, (FindNonzero, LoadIndex, Limit)):
        return replace(statement, index=_without(statement.index, name))
    return statement


def _value_at_zero(value: Value, name: str) -> Value:
    if isinstance(value, Load):
        return replace(value, index=_without(value.index, name))
    if isinstance(value, (Splat, Across)):
        return replace(value, value=_value_at_zero(value.value, name))
    if isinstance(value, Apply):
        return replace(value, arguments=tuple(_value_at_zero(item, name) for item in value.arguments))
    return value
