"""Sums and percentiles against the values themselves."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironworks.server.metrics.statistics import (
    Histogram,
    Samples,
    StatisticSet,
    UnknownStatistic,
    borders,
    octaves,
)

microseconds = st.lists(st.integers(0, 10**8), min_size=1, max_size=200)
shares = st.floats(0, 1)


def nearest_rank(values: list[float], share: float) -> float:
    return sorted(values)[max(math.ceil(share * len(values)), 1) - 1]


def histogram(values: list[int]) -> Histogram:
    made = Histogram()
    for value in values:
        made.add(value)
    return made


@given(microseconds, shares)
def test_a_percentile_of_a_histogram_is_within_an_eighth_of_the_true_value(
    values: list[int], share: float
) -> None:
    true = nearest_rank(values, share)
    assert abs(histogram(values).quantile(share) - true) <= max(1, true / 8)


@given(microseconds)
def test_percentiles_grow_with_their_share_and_stay_among_the_values(values: list[int]) -> None:
    found = [histogram(values).quantile(share / 20) for share in range(21)]
    assert found == sorted(found)
    assert min(values) <= found[0] and found[-1] == max(values)


@given(microseconds)
def test_sums_are_exact(values: list[int]) -> None:
    made = histogram(values)
    assert [made.statistic(name) for name in ("SampleCount", "Sum", "Minimum", "Maximum")] == [
        len(values),
        sum(values),
        min(values),
        max(values),
    ]
    assert made.statistic("Average") == sum(values) / len(values)


@given(microseconds, microseconds)
def test_merged_histograms_are_as_one(left: list[int], right: list[int]) -> None:
    merged, both = histogram(left), histogram(left + right)
    merged.merge(histogram(right))
    assert (merged.buckets, merged.count, merged.total) == (both.buckets, both.count, both.total)
    assert (merged.least, merged.greatest) == (both.least, both.greatest)


@given(st.integers(1, 10**9))
def test_every_value_is_in_the_bucket_whose_borders_it_has(value: int) -> None:
    (bucket,) = histogram([value]).buckets
    lower, upper = borders(bucket)
    assert lower < value <= upper
    assert upper - lower <= max(1, upper / 8)


@given(microseconds)
def test_counts_below_powers_of_two_are_exact(values: list[int]) -> None:
    made = histogram(values)
    for border in octaves(4, 28):
        assert made.at_most(border) == sum(value <= border for value in values)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), shares)
def test_samples_have_exact_percentiles(values: list[float], share: float) -> None:
    half = len(values) // 2
    left, right = Samples(), Samples()
    for value in values[:half]:
        left.add(value)
    for value in values[half:]:
        right.add(value)
    left.merge(right)
    assert left.quantile(share) == nearest_rank(values, share)
    assert left.statistic("Average") == pytest.approx(sum(values) / len(values))


def test_values_that_are_repeated_among_zeros() -> None:
    errors = StatisticSet.repeated(1.0, 3, zeros=9)
    assert [errors.statistic(name) for name in ("SampleCount", "Sum", "Average", "Minimum", "Maximum")] == [
        12,
        3,
        0.25,
        0,
        1,
    ]
    assert StatisticSet.repeated(1.0, 0).count == 0


@pytest.mark.parametrize("name", ["p99", "p0", "p99.9", "p100", "p12.3456789"])
def test_percentiles_by_name(name: str) -> None:
    assert histogram([5, 5]).statistic(name) == 5


@pytest.mark.parametrize("name", ["", "p", "p101", "p-1", "99", "average", "tm99", "IQM", "p9.", "p100.5"])
def test_what_is_no_statistic_is_refused_by_name(name: str) -> None:
    with pytest.raises(UnknownStatistic, match="Average"):
        histogram([1]).statistic(name)


def test_counts_have_no_percentiles() -> None:
    with pytest.raises(UnknownStatistic, match="no percentiles"):
        StatisticSet.repeated(1.0, 1).statistic("p50")
