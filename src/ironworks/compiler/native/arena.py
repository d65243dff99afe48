"""Shares the workspace between tensors that are not needed at the same time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_ALIGNMENT = 16
"""Elements of a cache line, and of the widest vector."""


@dataclass(frozen=True)
class Interval:
    """A tensor's life: the positions of the first and the last call that touch it, and its elements."""

    first: int
    last: int
    elements: int

    def meets(self, other: Interval) -> bool:
        """Whether both are needed at some time."""
        return self.first <= other.last and other.first <= self.last


def plan(intervals: Mapping[int, Interval]) -> tuple[dict[int, int], int]:
    """Where each tensor begins, and how many elements all need.

    The largest is placed first, each at the lowest offset that is free for all of its life.
    """
    placed: list[tuple[Interval, int]] = []
    offsets: dict[int, int] = {}
    for number, interval in sorted(intervals.items(), key=lambda item: (-item[1].elements, item[0])):
        busy = sorted(
            (start, start + _rounded(other.elements)) for other, start in placed if other.meets(interval)
        )
        offset = 0
        for start, end in busy:
            if offset + interval.elements <= start:
                break
            offset = max(offset, end)
        offsets[number] = offset
        placed.append((interval, offset))
    return offsets, max((start + _rounded(item.elements) for item, start in placed), default=0)


def _rounded(elements: int) -> int:
    return -(-elements // _ALIGNMENT) * _ALIGNMENT
