from __future__ import annotations

from time import sleep

import pytest

from ironworks.compiler.timing import interleaved_medians, interleaved_minima


@pytest.mark.parametrize("measure", [interleaved_medians, interleaved_minima])
def test_each_call_is_measured_and_their_order_is_kept(measure):
    slow, fast = measure([lambda: sleep(0.005), lambda: None])
    assert slow > 5000 > fast > 0


def test_nothing_to_time_is_no_times():
    assert interleaved_medians([]) == []


def test_the_least_is_of_the_rounds_and_not_their_middle():
    lasts = iter([0.005, 0.005] + [0.03, 0.03, 0.005] * 50)
    (least,) = interleaved_minima([lambda: sleep(next(lasts))])
    assert 5000 < least < 20_000
