"""Sets of values, summed up as CloudWatch sums them up: count, sum, least, greatest, percentiles.

StatisticSet      knows no percentiles
├── Histogram     whole numbers, in buckets: percentiles to within an eighth of the value
└── Samples       few numbers, all kept: exact percentiles
"""

from __future__ import annotations

import math
import re
from bisect import insort
from collections.abc import Iterator
from typing import TypeVar

_PERCENTILE = re.compile(r"p(100|\d{1,2}(?:\.\d{1,10})?)")
_MEMBERS = ("SampleCount", "Sum", "Average", "Minimum", "Maximum")

Set = TypeVar("Set", bound="StatisticSet")


class UnknownStatistic(ValueError):
    """A statistic that nobody knows, or that these values do not have."""


class StatisticSet:
    """How many values there were, their sum, the least and the greatest."""

    __slots__ = ("count", "greatest", "least", "total")

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self.least = math.inf
        self.greatest = -math.inf

    @classmethod
    def repeated(cls: type[Set], value: float, times: int, zeros: int = 0) -> Set:
        """`times` times the value, and so many zeros."""
        made = cls()
        made.count = times + zeros
        made.total = value * times
        if made.count:
            made.least = 0.0 if zeros else value
            made.greatest = value if times else 0.0
        return made

    def add(self, value: float) -> None:
        """Add one value."""
        self.count += 1
        self.total += value
        self.least = min(self.least, value)
        self.greatest = max(self.greatest, value)

    def merge(self: Set, other: Set) -> None:
        """Add all values of another set of the same kind."""
        self.count += other.count
        self.total += other.total
        self.least = min(self.least, other.least)
        self.greatest = max(self.greatest, other.greatest)

    def copy(self: Set) -> Set:
        """The same values."""
        made = type(self)()
        made.merge(self)
        return made

    def quantile(self, _share: float) -> float:
        """The value that this share (0 to 1) of all values does not exceed, of a set that is not empty.

        Raises:
            UnknownStatistic: the values themselves are not known.
        """
        raise UnknownStatistic("This metric has no percentiles; ask for Sum, Average or SampleCount.")

    def statistic(self, name: str) -> float:
        """One of CloudWatch's statistics, of a set that is not empty.

        Raises:
            UnknownStatistic: there is none of that name.
        """
        check_statistic(name)
        if name == "SampleCount":
            return self.count
        if name == "Sum":
            return self.total
        if name == "Average":
            return self.total / self.count
        if name in ("Minimum", "Maximum"):
            return self.least if name == "Minimum" else self.greatest
        return self.quantile(float(name[1:]) / 100)


class Histogram(StatisticSet):
    """Whole numbers, such as microseconds, counted in buckets whose borders grow by an eighth.

    A bucket has the values `lower < value <= upper`. Up to 16 each value has its own; from there every octave is cut
    into eight equal parts, as in HdrHistogram (hdrhistogram.org). Powers of two are borders.
    """

    __slots__ = ("buckets",)

    def __init__(self) -> None:
        super().__init__()
        self.buckets: dict[int, int] = {}

    def add(self, value: int) -> None:  # type: ignore[override]  # whole numbers only
        """Count one value, which is not negative."""
        self.count += 1
        self.total += value
        if value < self.least:
            self.least = value
        if value > self.greatest:
            self.greatest = value
        # _bucket(value), written out: this is done several times for each invocation.
        last = value - 1 if value > 0 else 0
        shift = last.bit_length() - 4
        bucket = last if shift <= 0 else (shift << 3) + (last >> shift)
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1

    def merge(self, other: Histogram) -> None:
        """Add all values of another histogram."""
        super().merge(other)
        buckets = self.buckets
        for bucket, count in other.buckets.items():
            buckets[bucket] = buckets.get(bucket, 0) + count

    def quantile(self, share: float) -> float:
        """As of any set; inside a bucket values count as evenly spread."""
        rank = max(share * self.count, 1)
        before = 0
        for bucket in sorted(self.buckets):
            count = self.buckets[bucket]
            if before + count >= rank:
                lower, upper = borders(bucket)
                value = lower + (upper - lower) * (rank - before) / count
                return min(max(value, self.least), self.greatest)
            before += count
        return self.greatest

    def at_most(self, border: int) -> int:
        """How many values do not exceed a power of two."""
        last = _bucket(border)
        return sum(count for bucket, count in self.buckets.items() if bucket <= last)


class Samples(StatisticSet):
    """Numbers that are few enough to be kept, in order."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        super().__init__()
        self.values: list[float] = []

    def add(self, value: float) -> None:
        """Add one value."""
        super().add(value)
        insort(self.values, value)

    def merge(self, other: Samples) -> None:
        """Add all values of another set."""
        super().merge(other)
        self.values = sorted(self.values + other.values)

    def quantile(self, share: float) -> float:
        """As of any set: the nearest rank."""
        return self.values[max(math.ceil(share * self.count), 1) - 1]


def check_statistic(name: str) -> None:
    """Make sure that a statistic of that name exists.

    Raises:
        UnknownStatistic: it does not.
    """
    if name not in _MEMBERS and not _PERCENTILE.fullmatch(name):
        raise UnknownStatistic(
            f"The statistic {name!r} is not known here; ask for {', '.join(_MEMBERS)} or a percentile such as p99."
        )


def borders(bucket: int) -> tuple[int, int]:
    """The values of a histogram's bucket: greater than the first, at most the second."""
    if bucket < 16:
        return bucket, bucket + 1
    shift, part = (bucket >> 3) - 1, (bucket & 7) + 8
    return part << shift, (part + 1) << shift


def octaves(first: int, last: int) -> Iterator[int]:
    """The powers of two from `2 ** first` to `2 ** last`."""
    return (1 << power for power in range(first, last + 1))


def _bucket(value: int) -> int:
    last = max(value - 1, 0)
    shift = last.bit_length() - 4
    return last if shift <= 0 else (shift << 3) + (last >> shift)
