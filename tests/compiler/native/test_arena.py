"""Sharing the workspace."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ironworks.compiler.native.arena import Interval, plan

intervals = st.builds(
    lambda first, length, elements: Interval(first, first + length, elements),
    st.integers(0, 20),
    st.integers(0, 5),
    st.integers(1, 100),
)


@given(st.lists(intervals, max_size=20))
def test_tensors_that_are_needed_at_the_same_time_never_overlap(items):
    offsets, size = plan(dict(enumerate(items)))
    for number, item in enumerate(items):
        assert offsets[number] % 16 == 0
        assert offsets[number] + item.elements <= size
        for other in range(number):
            apart = (
                offsets[other] + items[other].elements <= offsets[number]
                or offsets[number] + item.elements <= offsets[other]
            )
            assert apart or not items[other].meets(item)


def test_memory_is_used_again():
    assert plan({0: Interval(0, 1, 100), 1: Interval(1, 2, 50), 2: Interval(2, 3, 100)})[1] == 112 + 64
