"""`ironworks inspect`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ironworks.cli.options import JsonOption

if TYPE_CHECKING:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from ironworks.compiler.artifact import Contents
    from ironworks.compiler.report import Report


def inspect(
    artifact: Annotated[
        Path, typer.Argument(metavar="ARTIFACT", help="The archive or folder that a compilation wrote.")
    ],
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write the report as a page.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the compilation of an artifact found.

    Candidates, errors, times, and why the winner won.
    """
    from ironworks.compiler.artifact import read_artifact, write_page
    from ironworks.compiler.report.verdict import reason

    contents = read_artifact(artifact)
    if html:
        write_page(contents.report, html)
    if as_json:
        document = {
            "manifest": json.loads(contents.manifest.to_json()),
            "report": json.loads(contents.text),
            "reason": reason(contents.report),
        }
        typer.echo(json.dumps(document, indent=2))
        return
    _show(contents)
    if html:
        typer.echo(f"\nThe report as a page: {html}")


def _show(contents: Contents) -> None:
    from rich.console import Console, Group

    from ironworks.compiler.report.measured import accuracy_rows, batch_rows
    from ironworks.compiler.report.verdict import reason

    report = contents.report
    dropped = {item.label: item.dropped for item in report.candidates if item.dropped}
    parts = {
        "Why": _indented(reason(report)),
        "Candidates": _candidates(report),
        "Batch sizes": _table(
            ["rows", "chosen", "a call", "a row", "next best"], batch_rows(report), (0, 2, 3)
        ),
        "Accuracy": _table(["", "accuracy", "changed", "difference"], accuracy_rows(report), (1, 2, 3)),
        "Dropped": _pairs(dropped) if dropped else None,
        "Skipped": _pairs(report.skipped) if report.skipped else None,
        f"Differences of {report.chosen} from the original": _parity(report),
        "Compile time": _pairs(dict(_phases(report))),
        "Findings": Group(*map(_indented, report.findings)) if report.findings else None,
    }
    console = Console(file=sys.stdout, highlight=False)
    console.print(_plain(f"{report.model or 'A model'} for {report.target}", style="bold"))
    console.print(_pairs(_facts(contents)))
    for title, part in parts.items():
        if part is not None:
            console.print()
            console.print(_plain(title, style="bold"))
            console.print(part)


def _plain(text: str, style: str = "") -> Text:
    """`text` of an artifact that may be anybody's: no markup, and no character that steers the terminal."""
    from rich.text import Text

    return Text("".join(letter if letter.isprintable() else "�" for letter in text), style)


def _indented(text: str) -> Padding:
    from rich.padding import Padding

    return Padding(_plain(text), (0, 0, 0, 3))


def _facts(contents: Contents) -> dict[str, str]:
    report, manifest = contents.report, contents.manifest
    sets = ", ".join(manifest.instruction_sets)
    machine = report.machine
    before, after = report.nodes
    changed = ", ".join(f"{name} {count}" for name, count in report.passes.items() if count)
    return {
        "takes": "; ".join(map(str, report.inputs)),
        "gives": "; ".join(map(str, report.outputs)),
        "runs on": f"{manifest.engine} ({sets})" if sets else manifest.engine,
        "operators": ", ".join(f"{count} {name}" for name, count in report.operators.items()),
        "graph": f"{before} nodes, {after} after the passes" + (f" ({changed})" if changed else ""),
        "verified": f"against {report.reference}",
        "compiled": report.created.replace("T", " ").replace("+00:00", " UTC"),
        "on": f"{machine.processor}, {machine.cores} cores" if machine else "",
        "with": ", ".join(
            f"{name} {version}" for name, version in (report.versions or manifest.versions).items()
        ),
    }


def _candidates(report: Report) -> Table:
    from rich.table import Table

    from ironworks.compiler.report.parity import relative_error
    from ironworks.compiler.report.verdict import microseconds, ranked

    table = Table("", "candidate", "a call", "largest error", "", box=None, pad_edge=False)
    for name in (2, 3):
        table.columns[name].justify = "right"
    for item in ranked(report):
        error = relative_error(item)
        table.add_row(
            "→" if item.label == report.chosen else " ",
            _plain(item.label),
            microseconds(item.microseconds) if item.microseconds else "not timed",
            "" if error is None else f"{error:.1e}",
            "dropped" if item.dropped else "",
        )
    if report.reference_microseconds:
        time = microseconds(report.reference_microseconds)
        table.add_row(" ", _plain(report.reference), time, "", "the original")
    return table


def _parity(report: Report) -> Table:
    from rich.table import Table

    from ironworks.compiler.report.parity import parity
    from ironworks.compiler.report.verdict import chosen

    table = Table(" ", "inputs", "max. error", "relative", "allowed", "argmax", "", box=None, pad_edge=False)
    for name in range(2, 6):
        table.columns[name].justify = "right"
    best = chosen(report)
    for line in parity(best) if best else ():
        table.add_row(
            " ",
            _plain(line.inputs),
            f"{line.absolute:.1e}",
            f"{line.relative:.1e}",
            f"{line.allowed:.1e}",
            f"{line.argmax_equal} of {line.rows}" if line.rows else "–",
            "equal" if line.equal else "differs",
        )
    return table


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int]) -> Table | None:
    """Rows under `columns`, of which `numbers` are on the right; None if there are none."""
    from rich.table import Table

    if not rows:
        return None
    table = Table(" ", *columns, box=None, pad_edge=False)
    for position in numbers:
        table.columns[position + 1].justify = "right"
    for row in rows:
        table.add_row(" ", *map(_plain, row))
    return table


def _phases(report: Report) -> Iterator[tuple[str, str]]:
    from ironworks.compiler.report.verdict import microseconds

    for name, seconds in report.seconds.items():
        yield name, microseconds(seconds * 1e6)
    yield "together", microseconds(sum(report.seconds.values()) * 1e6)


def _pairs(rows: Mapping[str, str]) -> Table:
    """Names and what they are; those that are empty are left out."""
    from rich.table import Table

    table = Table(" ", "", "", box=None, pad_edge=False, show_header=False)
    table.columns[1].min_width = 9
    for name, value in rows.items():
        if value:
            table.add_row(" ", _plain(name), _plain(value))
    return table
