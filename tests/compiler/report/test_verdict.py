"""Why a candidate was chosen."""

from __future__ import annotations

import pytest
from tests.compiler.report.conftest import MakeReport, candidate

from ironworks.compiler.report.verdict import digits, microseconds, ranked, reason


def test_the_chosen_candidate_is_compared_with_the_next_best_and_the_original(report: MakeReport) -> None:
    assert reason(report()) == (
        "native is the faster of the 2 candidates that are equal to the original: 4.00 µs a call, 3.5 times as fast as "
        "the next best, onnxruntime (optimization all) (14.2 µs). The original, MXNet 1.9.1, takes 200 µs, 50 times "
        "as long."
    )


def test_dropped_candidates_are_counted_and_not_compared_with(report: MakeReport) -> None:
    wrong = candidate("mnn", None, "its output y is off by 1")
    text = reason(report(candidates=(wrong, candidate("native", 4.0)), reference_microseconds=None))
    assert text == (
        "native is the only candidate that is equal to the original: 4.00 µs a call. 1 candidate was dropped; the "
        "reason is given below."
    )
    text = reason(report(candidates=(wrong, wrong, candidate("native", 4.0))))
    assert text.endswith("2 candidates were dropped; the reasons are given below.")


def test_a_fast_candidate_that_was_dropped_is_not_the_next_best(report: MakeReport) -> None:
    some = (candidate("native", 4.0), candidate("int8", 1.0, "its accuracy is lower"), candidate("mnn", 8.0))
    assert "2.0 times as fast as the next best, mnn (8.00 µs)" in reason(report(candidates=some))


def test_a_candidate_for_another_machine_was_not_timed(report: MakeReport) -> None:
    text = reason(report(candidates=(candidate("native", None),)))
    assert text.startswith("native is the first of the backends' candidates that is equal to the original.")
    assert "not timed, because it is for another machine" in text and "MXNet" not in text


def test_candidates_are_ranked_from_the_chosen_to_the_dropped(report: MakeReport) -> None:
    some = [
        candidate("dropped", None, "it differs"),
        candidate("slow", 9.0),
        candidate("untimed", None),
        candidate("fast", 2.0),
        candidate("native", 1.0),
    ]
    labels = [item.label for item in ranked(report(candidates=some))]
    assert labels == ["native", "fast", "slow", "untimed", "dropped"]


@pytest.mark.parametrize(
    ("time", "text"),
    [(0.5, "0.50 µs"), (3.944, "3.94 µs"), (99.96, "100 µs"), (1234, "1.23 ms"), (2.5e6, "2.50 s")],
)
def test_a_time_has_three_digits_and_the_unit_that_fits(time: float, text: str) -> None:
    assert microseconds(time) == text


def test_numbers_are_rounded_to_as_many_digits() -> None:
    assert [digits(number, 2) for number in (1.04, 9.96, 12.4, 1234)] == ["1.0", "10", "12", "1,234"]
