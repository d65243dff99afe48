"""`ironworks datasets`: the sample data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ironworks.cli.options import HomeOption, JsonOption, home_at
from ironworks.cli.screen import print_json
from ironworks.errors import ClientError

app = typer.Typer(no_args_is_help=True, help="The sample data that notebooks train on.")

MNIST = "mnist"


@app.command("list")
def list_(as_json: JsonOption = False, home: HomeOption = None) -> None:
    """List the data sets and whether they are here."""
    from ironworks.datasets.mnist import Mnist

    mnist = Mnist(home_at(home).datasets)
    if as_json:
        print_json([{"name": MNIST, "present": mnist.present(), "folder": str(mnist.directory)}])
        return
    state = f"in {mnist.directory}" if mnist.present() else "not here; get it: ironworks datasets fetch mnist"
    typer.echo(f"{MNIST}  {state}")


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="The data set: mnist.", metavar="NAME")],
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="FOLDER", help="Take the files from this folder.", show_default=False),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Fetch a data set, so that the sample buckets have it."""
    from rich.console import Console
    from rich.progress import Progress

    from ironworks.datasets.mnist import Mnist

    if name != MNIST:
        raise ClientError(f"There is no data set {name!r}. Those that are there: {MNIST}.")
    mnist = Mnist(home_at(home).datasets)
    if source is None and mnist.present():
        typer.echo(f"{MNIST} is here already, in {mnist.directory}.")
        return
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("starting", total=None)
        mnist.fetch(
            source, lambda done, total, what: bar.update(task, completed=done, total=total, description=what)
        )
    typer.echo(f"{MNIST} is in {mnist.directory}.")
