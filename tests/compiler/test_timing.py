from __future__ import annotations

from time import sleep

from ironworks.compiler.timing import interleaved_medians


def test_each_call_is_measured_and_their_order_is_kept():
    slow, fast = interleaved_medians([lambda: sleep(0.005), lambda: None])
    assert slow > 5000 > fast > 0


def test_nothing_to_time_is_no_times():
    assert interleaved_medians([]) == []
