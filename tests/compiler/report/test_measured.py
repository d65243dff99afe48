"""Accuracy, batch sizes and precision, in the page and in words."""

from __future__ import annotations

from dataclasses import replace

from tests.compiler.report.conftest import MakeReport, candidate

from ironworks.compiler.report import BatchReport, PrecisionReport
from ironworks.compiler.report.measured import accuracy_rows, batch_rows
from ironworks.compiler.report.verdict import reason
from ironworks.compiler.validation.accuracy import Grade, Validation


def test_the_accuracy_of_the_original_and_of_each_graded_candidate_is_told(report: MakeReport) -> None:
    graded = replace(candidate("native", 4.0), validation=Grade(10_000, 0.97, 0.9699, 12, 0.02))
    made = report(candidates=[graded, candidate("mnn", 9.0)], validation=Validation(10_000, "y", 0.97))
    assert accuracy_rows(made) == [
        ["MXNet 1.9.1 (the original)", "0.9700", "", ""],
        ["native", "0.9699", "12", "2.0e-02"],
    ]
    page = made.to_html()
    assert "on 10,000 labelled examples, by the output y" in page
    assert "0.9699" in page and "2.0e-02" in page


def test_each_batch_size_has_its_winner_and_the_next_best(report: MakeReport) -> None:
    batches = [
        BatchReport(1, [candidate("native", 4.0), candidate("mnn", 9.0)], {}, "native", None),
        BatchReport(32, [candidate("native", 64.0), candidate("mnn", 32.0)], {}, "mnn", None),
        BatchReport(64, [candidate("native", None)], {}, "native", None),
    ]
    made = report(batches=batches)
    assert batch_rows(made) == [
        ["1", "native", "4.00 µs", "4.00 µs", "mnn (9.00 µs)"],
        ["32", "mnn", "32.0 µs", "1.00 µs", "native (64.0 µs)"],
        ["64", "native", "not timed", "", ""],
    ]
    assert "The winner of each batch size" in made.to_html()


def test_a_reduced_precision_is_what_the_choice_is_explained_with(report: MakeReport) -> None:
    precision = PrecisionReport("auto", "int8", "it is 2.1 times as fast and no less accurate")
    made = report(chosen="onnxruntime int8", precision=precision, threads=2)
    assert reason(made) == (
        "onnxruntime int8 computes in int8. It is 2.1 times as fast and no less accurate."
    )
    page = made.to_html()
    assert "int8, auto was asked for" in page
    assert "<dt>Threads</dt><dd>2</dd>" in page


def test_why_nothing_was_reduced_is_told_too(report: MakeReport) -> None:
    made = report(precision=PrecisionReport("auto", "f32", "no candidate is as accurate."))
    assert reason(made).endswith(" No candidate is as accurate.")
    assert "Threads" not in made.to_html()
