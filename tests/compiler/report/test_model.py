"""`report.json` written and read."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from math import inf

import pytest
from tests.compiler.report.conftest import MakeReport, candidate, comparison

from ironworks.compiler.report import Report, ReportError

OLD = {
    *("framework", "target", "inputs", "outputs", "operators", "nodes", "passes", "candidates", "skipped"),
    *("chosen", "reference", "reference_microseconds", "findings", "seconds"),
}
"""What the first reports had: all that a report may be without a default for."""


def test_a_report_is_read_as_it_was_written(report: MakeReport) -> None:
    text = report().to_json()
    again = Report.from_json(text)
    assert again.to_json() == text
    assert again.before is not None and again.before.nodes[0].operator == "Gemm"
    assert again.before.tensors["w0"].shape == (4, 4)
    assert again.candidates[0].verification[0].equal


def test_a_report_without_what_was_added_later_is_read(report: MakeReport) -> None:
    document = json.loads(report().to_json())
    again = Report.from_json(json.dumps({name: document[name] for name in OLD}))
    assert again.chosen == "native" and again.before is None and again.versions == {}
    assert {f.name for f in fields(Report) if f.default is MISSING and f.default_factory is MISSING} == OLD


def test_members_of_a_later_version_are_passed_over(report: MakeReport) -> None:
    document = json.loads(report().to_json())
    document["accuracy"] = {"before": 0.9}
    document["before"]["nodes"][0].append({"attributes": 3})
    document["candidates"][0]["precision"] = "f32"
    assert Report.from_json(json.dumps(document)).before is not None


def test_an_error_without_end_is_null_and_read_as_such(report: MakeReport) -> None:
    bad = candidate("native", None, "it differs", [comparison(absolute=inf)])
    text = report(candidates=(bad,)).to_json()
    assert json.loads(text)["candidates"][0]["verification"][0]["absolute"] is None
    (read,) = Report.from_json(text).candidates
    assert read.largest_error == inf and read.microseconds is None


def test_a_graph_takes_a_line_a_node(report: MakeReport) -> None:
    assert '["Gemm", "n0", ["x", "w0"], ["t0"]]' in report().to_json()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"target": 5}, "target is 5"),
        ({"nodes": [1]}, r"nodes has 1 items, not 2"),
        ({"nodes": [1, True]}, r"nodes\[1\] is true"),
        ({"candidates": [{"label": "x"}]}, r"it lacks candidates\[0\].microseconds"),
        ({"seconds": {"import": "long"}}, 'seconds.import is "long"'),
        ({"before": []}, r"before is \[\]"),
        ({"inputs": {}}, r"inputs is \{\}"),
    ],
)
def test_a_damaged_report_says_where(report: MakeReport, change: dict[str, object], reason: str) -> None:
    document = json.loads(report().to_json()) | change
    with pytest.raises(ReportError, match=reason):
        Report.from_json(json.dumps(document))


@pytest.mark.parametrize("text", ["", "[" * 100_000, b"\xff\xfe\x00", "[]"])
def test_what_is_no_report_is_refused(text: str | bytes) -> None:
    with pytest.raises(ReportError):
        Report.from_json(text)


def test_a_member_that_is_missing_is_named(report: MakeReport) -> None:
    document = json.loads(report().to_json())
    del document["chosen"]
    with pytest.raises(ReportError, match="it lacks chosen"):
        Report.from_json(json.dumps(document))
