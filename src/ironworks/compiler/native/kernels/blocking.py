"""How many results a kernel keeps in registers at a time."""

from __future__ import annotations

from dataclasses import dataclass

_LATENCY = 4
"""Cycles from one fused multiply-add to the next that needs its result; two are begun a cycle."""
_MOST_COLUMNS = 8
_MOST_ROWS = 14


@dataclass(frozen=True)
class Block:
    """`rows` (pixels or matrix rows) × `columns` (vectors of outputs); `chains` sums go on side by side."""

    rows: int
    columns: int
    chains: int = 1


def ranked(rows: int, columns: int, registers: int, *, split: bool = False) -> list[Block]:
    """Blocks for a result of `rows` × `columns` vectors, that with the least estimated cycles a step first.

    A cycle begins two multiply-adds and two loads; a step of the sum costs half a cycle more, and so does each
    of its vectors of weights, which come from farther away. A block of r × c needs r·c registers for sums and c + 1 for
    operands, and c divides the columns, so that all panels are whole. `split` allows
    sums of few registers to go on in several chains.
    """
    found: list[tuple[float, Block]] = []
    widths = [width for width in range(1, min(columns, _MOST_COLUMNS) + 1) if columns % width == 0]
    for width in widths:
        for height in range(1, min(rows, _MOST_ROWS) + 1):
            if height * width + width + 1 > registers:
                continue
            full, rest = divmod(rows, height)
            cycles = full * _cycles(height, width, split) + (_cycles(rest, width, split) if rest else 0)
            cycles *= -(-columns // width)
            found.append((round(cycles, 6), Block(height, width, _chains(height, width) if split else 1)))
    return [block for _, block in sorted(found, key=lambda item: item[0])]


def balanced(rows: int, columns: int, registers: int) -> Block:
    """As wide as the block ranked first, with as many rows as the registers hold, in parts of nearly equal size."""
    width = ranked(rows, columns, registers)[0].columns
    most = max(height for height in range(1, _MOST_ROWS + 1) if height * width + width + 1 <= registers)
    return Block(-(-rows // -(-rows // min(rows, most))), width)


def _chains(rows: int, columns: int) -> int:
    return max(1, 2 * _LATENCY // (rows * columns))


def _cycles(rows: int, columns: int, split: bool) -> float:
    chains = _chains(rows, columns) if split else 1
    return max(rows * columns / 2, (rows + columns) / 2, _LATENCY / chains) + (columns + 1) / 2
