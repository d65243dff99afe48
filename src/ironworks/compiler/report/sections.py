"""What stands in the page, section by section: each function answers its content, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ironworks.compiler.report.graph_section import graph
from ironworks.compiler.report.measured import accuracy, batches
from ironworks.compiler.report.model import CandidateReport, Report
from ironworks.compiler.report.parity import Parity, parity, relative_error
from ironworks.compiler.report.verdict import chosen, digits, microseconds, next_best, ranked, reason
from ironworks.drawing.bars import Bar, chart
from ironworks.drawing.markup import Html, element, facts, table

_LONGEST_SCALE = 8.0
"""Times the slowest candidate: where the original takes longer, its bar is cut."""


def summary(report: Report) -> list[Html]:
    """What was chosen, and how much faster it is."""
    tiles = [
        element("li", element("strong", figure), " ", element("span", text))
        for figure, text in _tiles(report)
    ]
    return [
        element("ul", *tiles, class_="tiles"),
        element("p", reason(report)),
        facts(
            [
                ("Model", f"{report.model} ({report.framework})" if report.model else report.framework),
                ("Target", report.target),
                ("Chosen", report.chosen),
                ("Threads", str(report.threads) if report.threads > 1 else ""),
                ("Precision", _precision(report)),
                ("Takes", "; ".join(map(str, report.inputs))),
                ("Gives", "; ".join(map(str, report.outputs))),
                ("Verified against", report.reference),
                ("Compiled in", microseconds(sum(report.seconds.values()) * 1e6)),
                ("Operators", _counts(report.operators)),
            ]
        ),
    ]


def findings(report: Report) -> list[Html]:
    """What the person who made the model should know."""
    if not report.findings:
        return []
    return [element("ul", *(element("li", text) for text in report.findings), class_="findings")]


def candidates(report: Report) -> list[Html]:
    """The chart of all candidates, and why some backends have none."""
    times = [item.microseconds for item in report.candidates if item.microseconds]
    longest = max(times, default=0.0)
    original = report.reference_microseconds
    if original:
        longest = min(max(longest, original), _LONGEST_SCALE * longest) or original
    bars = [_candidate(report, item, longest) for item in ranked(report)]
    if original:
        share = original / longest
        note = "its bar is cut: it is longer than this" if share > 1 else ""
        bars.append(Bar(f"{report.reference}", microseconds(original), share, note, "original", "original"))
    drawn = chart("Time of one call; shorter is better", bars)
    return [drawn, *_skipped(report)]


def parity_table(report: Report) -> list[Html]:
    """How far each candidate is from the original."""
    several = len(report.outputs) > 1
    groups = [[_compared(item, line, several) for line in parity(item)] for item in ranked(report)]
    groups = [rows for rows in groups if rows]
    if not groups:
        return []
    columns = ["Candidate", "Inputs", *(["Output"] if several else []), "Max. error", "Relative", "Allowed"]
    first = 3 if several else 2
    return [
        element(
            "p",
            "Every candidate and the original got the same inputs. The largest absolute difference, the same by the "
            "output's largest value, what is allowed, and in how many rows the largest element is the same one"
            + (", of the output that came closest to its limit." if several else "."),
        ),
        table(
            f"Differences from {report.reference}",
            [*columns, "Argmax", "Result"],
            groups,
            range(first, first + 4),
        ),
    ]


def _compared(item: CandidateReport, line: Parity, several: bool) -> list[str]:
    return [
        item.label,
        line.inputs,
        *([line.output] if several else []),
        f"{line.absolute:.1e}",
        f"{line.relative:.1e}",
        f"{line.allowed:.1e}",
        f"{line.argmax_equal} of {line.rows}" if line.rows else "–",
        "✓\N{NO-BREAK SPACE}equal" if line.equal else "✗\N{NO-BREAK SPACE}differs",
    ]


def phases(report: Report) -> list[Html]:
    """Where the compilation's time went."""
    total = sum(report.seconds.values())
    longest = max(report.seconds.values(), default=0.0) or 1.0
    bars = [
        Bar(name, microseconds(seconds * 1e6), seconds / longest) for name, seconds in report.seconds.items()
    ]
    return [chart(f"The phases took {microseconds(total * 1e6)} together", bars)] if bars else []


def surroundings(report: Report) -> list[Html]:
    """The machine and the versions."""
    machine = report.machine
    pairs = []
    if machine:
        pairs = [
            ("Processor", machine.processor),
            ("Cores", str(machine.cores or "")),
            ("Instruction sets", ", ".join(machine.instruction_sets)),
            ("System", machine.system),
        ]
    pairs += report.versions.items()
    return [facts(pairs)] if pairs else []


SECTIONS: Sequence[tuple[str, str, Callable[[Report], Sequence[Html]]]] = (
    ("summary", "Summary", summary),
    ("findings", "Findings", findings),
    ("candidates", "Candidates", candidates),
    ("batches", "Batch sizes", batches),
    ("accuracy", "Accuracy", accuracy),
    ("parity", "Parity with the original", parity_table),
    ("graph", "The graph", graph),
    ("phases", "Compile time", phases),
    ("machine", "Machine and versions", surroundings),
)
"""The name, the heading and the function of each."""


def _candidate(report: Report, item: CandidateReport, longest: float) -> Bar:
    if item.dropped:
        return Bar(item.label, "not timed", None, item.dropped, "✗ dropped", "dropped")
    error = relative_error(item)
    note = (
        "" if error is None else f"largest relative error {error:.1e}" if error else "equal to the last bit"
    )
    note = "; ".join(filter(None, [note, item.note]))
    badge, class_ = ("★ chosen", "won") if item.label == report.chosen else ("", "")
    if item.microseconds is None:
        return Bar(item.label, "not timed", None, note, badge, class_)
    share = item.microseconds / longest
    return Bar(item.label, microseconds(item.microseconds), share, note, badge, class_)


def _skipped(report: Report) -> list[Html]:
    rows = [[[name, why]] for name, why in report.skipped.items()]
    return [table("Backends that built no candidate", ["Backend", "Reason"], rows)] if rows else []


def _tiles(report: Report) -> list[tuple[str, str]]:
    """The figures that count most, and what they are."""
    best, other, original = chosen(report), next_best(report), report.reference_microseconds
    if best is None:
        return []
    tiles = []
    if best.microseconds:
        tiles.append((microseconds(best.microseconds), "a call"))
        if original:
            factor = digits(original / best.microseconds, 2)
            tiles.append((f"{factor} ×", f"as fast as the original, {report.reference}"))
        if other and other.microseconds:
            factor = digits(other.microseconds / best.microseconds, 2)
            tiles.append((f"{factor} ×", f"as fast as {other.label}, the next best"))
    return [*tiles, _agreement(best)]


def _agreement(best: CandidateReport) -> tuple[str, str]:
    rows = sum(item.rows for item in best.verification)
    same = sum(item.argmax_equal for item in best.verification)
    error = relative_error(best)
    if error is None:
        return "not verified", "nothing was compared"
    same_rows = f"; the largest element is the same in {same} of {rows} rows" if rows else ""
    return f"{error:.1e}", f"largest error relative to the output{same_rows}"


def _precision(report: Report) -> str:
    """What was asked for, and what came of it; nothing where that is float32."""
    asked, taken = report.precision.asked, report.precision.chosen
    return "" if (asked, taken) == ("f32", "f32") else f"{taken}, {asked} was asked for"


def _counts(operators: Mapping[str, int]) -> str:
    """The most frequent first."""
    ordered = sorted(operators.items(), key=lambda item: -item[1])
    return ", ".join(f"{count} {name}" for name, count in ordered)
