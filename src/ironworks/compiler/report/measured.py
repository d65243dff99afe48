"""What was measured beside the candidates' times: the accuracy on the user's examples, and other batch sizes."""

from __future__ import annotations

from ironworks.compiler.report.model import Report
from ironworks.compiler.report.verdict import microseconds, ranked
from ironworks.drawing.markup import Html, element, table


def accuracy(report: Report) -> list[Html]:
    """How the original and the candidates do on the labelled examples."""
    rows = accuracy_rows(report)
    if report.validation is None or not rows:
        return []
    text = (
        f"Top-1 accuracy on {report.validation.examples:,} labelled examples, by the output "
        f"{report.validation.output}; how many answers are another class than the original's, and the largest "
        "difference of a score."
    )
    columns = ["Candidate", "Accuracy", "Answers changed", "Largest difference"]
    return [element("p", text), table("Accuracy on the user's examples", columns, [rows], range(1, 4))]


def accuracy_rows(report: Report) -> list[list[str]]:
    """For the original and each candidate that was graded: label, accuracy, changed answers, largest difference."""
    if report.validation is None:
        return []
    rows = [[f"{report.reference} (the original)", f"{report.validation.accuracy:.4f}", "", ""]]
    for item in ranked(report):
        grade = item.validation
        if grade is not None:
            numbers = [f"{grade.accuracy:.4f}", f"{grade.changed:,}", f"{grade.largest_difference:.1e}"]
            rows.append([item.label, *numbers])
    return rows


def batches(report: Report) -> list[Html]:
    """The winner of each batch size."""
    rows = batch_rows(report)
    if not rows:
        return []
    columns = ["Rows", "Chosen", "A call", "A row", "Next best"]
    return [table("The winner of each batch size", columns, [rows], (0, 2, 3))]


def batch_rows(report: Report) -> list[list[str]]:
    """For each batch size: rows, winner, its time a call and a row, and the next best with its time."""
    rows = []
    for batch in report.batches:
        times = {
            item.label: item.microseconds
            for item in batch.candidates
            if not item.dropped and item.microseconds
        }
        own = times.pop(batch.chosen, None)
        other = min(times.items(), key=lambda item: item[1], default=None)
        rows.append(
            [
                f"{batch.size:,}",
                batch.chosen,
                microseconds(own) if own else "not timed",
                microseconds(own / batch.size) if own else "",
                f"{other[0]} ({microseconds(other[1])})" if other else "",
            ]
        )
    return rows
