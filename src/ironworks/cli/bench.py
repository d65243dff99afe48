"""`ironworks bench`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ironworks.cli.options import HomeOption, home_at
from ironworks.errors import ClientError

if TYPE_CHECKING:
    from rich.console import Console

    from ironworks.bench.report import Report
    from ironworks.bench.sides import Comparison
    from ironworks.bench.trials import Plan
    from ironworks.home import Home

FLASK = "flask"
STANDARD_OUTPUT = Path("-")
CLIENTS_OF_A_RATE = 64
"""Connections of an open loop if no number is given."""


class Through(str, Enum):
    """The two ways to an endpoint."""

    server = "server"
    direct = "direct"


def bench(
    endpoint: Annotated[str, typer.Argument(metavar="ENDPOINT", help="The endpoint to measure.")],
    against: Annotated[
        str | None,
        typer.Option(
            metavar=f"ENDPOINT|{FLASK}",
            help="Another endpoint; or the original model in a Flask application, under Werkzeug and gunicorn.",
            show_default=False,
        ),
    ] = None,
    trials: Annotated[int, typer.Option(metavar="N", min=1, help="Trials of each side.")] = 30,
    requests: Annotated[int, typer.Option(metavar="N", min=1, help="Requests of a trial.")] = 1000,
    clients: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help=f"Connections, each with one request at a time: 1, with --rate {CLIENTS_OF_A_RATE}.",
            show_default=False,
        ),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            metavar="N",
            min=0.001,
            help="Requests a second, sent whether earlier ones are answered or not; times count from when one was due.",
            show_default=False,
        ),
    ] = None,
    poisson: Annotated[
        bool, typer.Option("--poisson", help="Draw the pauses of --rate at random, as from many callers.")
    ] = False,
    payload: Annotated[
        str, typer.Option(metavar="FILE|digit", help="What is sent: a file, or a seven of 784 numbers.")
    ] = "digit",
    content_type: Annotated[
        str | None,
        typer.Option(metavar="TYPE", help="Of the payload, if its name does not say it.", show_default=False),
    ] = None,
    through: Annotated[Through, typer.Option(help="The way to the endpoints.")] = Through.direct,
    original: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|S3URI",
            help=f"The original model for --against {FLASK}, if no compilation job leads to it.",
            show_default=False,
        ),
    ] = None,
    json: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write all figures; - prints them.", show_default=False),
    ] = None,
    picture: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Draw the trials, .png or .svg, and beside it the same on a dark ground; may be given twice.",
            show_default=False,
        ),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Measure how fast an endpoint answers, and draw it."""
    from rich.console import Console

    from ironworks.bench import picture as pictures
    from ironworks.bench.payload import read
    from ironworks.bench.sides import Comparison
    from ironworks.bench.trials import Plan

    pictures.check(picture or [])
    if poisson and rate is None:
        raise ClientError("--poisson is about the pauses of --rate, which is not given.")
    if json not in (None, STANDARD_OUTPUT) and not json.parent.is_dir():
        raise ClientError(f"The figures cannot be written to {json}: there is no folder {json.parent}.")
    plan = Plan(trials, requests, clients or (CLIENTS_OF_A_RATE if rate else 1), rate, poisson)
    comparison = Comparison(endpoint, against, through.value, read(payload, content_type), original)
    report = _measured(comparison, plan, home_at(home), Console(stderr=True))
    if json is not None:
        _write(json, report.to_json())
    drawn = [path for name in picture or [] for path in pictures.draw(report, name)]
    if json != STANDARD_OUTPUT:
        _show(report, drawn)


def _measured(comparison: Comparison, plan: Plan, home: Home, console: Console) -> Report:
    from ironworks.bench.access import Access
    from ironworks.bench.floor import floor
    from ironworks.bench.report import Report
    from ironworks.bench.sides import sides
    from ironworks.bench.trials import measure

    with (
        _progress(console) as (say, count),
        sides(comparison, Access.of(home), home.environments, say) as found,
    ):
        say("Measuring what the load generator itself costs")
        least = floor(found[0].destination().request)
        samples = measure(found, plan, say, count)
    settings = {
        "endpoint": comparison.endpoint,
        "against": comparison.against or "",
        "through": comparison.through,
        "payload": f"{len(comparison.payload.body):,} bytes of {comparison.payload.content_type}",
    }
    versions = {name: version for side in found for name, version in side.versions.items()}
    date = datetime.now().astimezone().isoformat(timespec="seconds")
    return Report(date, plan, settings, versions, least, samples)


@contextmanager
def _progress(console: Console) -> Iterator[tuple[Callable[[str], None], Callable[[int, int], None]]]:
    """A line that says what is being done, with a bar and the time that is left; what sets either."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("Starting", total=None)
        widest = max(20, console.width - 60)
        yield (
            lambda text: bar.update(task, description=text[:widest]),
            lambda done, total: bar.update(task, completed=done, total=total),
        )


def _write(path: Path, text: str) -> None:
    if path == STANDARD_OUTPUT:
        typer.echo(text, nl=False)
    else:
        path.write_text(text)


def _show(report: Report, drawn: Sequence[Path]) -> None:
    """The table, and below it what it was measured with."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from ironworks.bench.report import time
    from ironworks.bench.summary import PERCENTILES

    table = Table(
        title=report.title,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column("", no_wrap=True)
    for head in ("mean", *(f"p{percent:g}" for percent in PERCENTILES), "req/s", "errors"):
        table.add_column(head, justify="right")
    for name, summary in report.summaries.items():
        times = [summary.mean, *summary.percentiles.values()]
        shown = [time(value) if summary.answered else "–" for value in times]
        errors = ", ".join(f"{count:,} × {kind}" for kind, count in summary.errors.items())
        table.add_row(name, *shown, f"{summary.throughput:,.0f}", errors or "0")
    console = Console()
    console.print(table)
    for line in report.footer:
        console.print(line, style="dim", highlight=False)
    floor = f"A server that does nothing takes {time(report.floor.p50)} (p50): the load generator's share, at most."
    console.print(floor, style="dim", highlight=False)
    for name, text in report.complaints.items():
        console.print(f"The first failure of {name} said: {text}", highlight=False, markup=False)
    for path in drawn:
        console.print(f"Drawn: {path}", highlight=False)
