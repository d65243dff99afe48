"""The command line: `ironworks COMMAND`.

One module a group of commands. They import what is heavy inside the commands, because a shell waits for
`eval "$(ironworks env)"` each time it starts.
"""

from __future__ import annotations

import sys

import typer

from ironworks import __version__
from ironworks.cli import datasets
from ironworks.cli.compile import compile_, targets
from ironworks.cli.doctor import doctor
from ironworks.cli.environment import env
from ironworks.cli.inspect import inspect
from ironworks.cli.server import down, up
from ironworks.cli.status import status
from ironworks.errors import IronworksError

app = typer.Typer(
    name="ironworks",
    help="Train, compile and serve machine-learning models on your own machines, behind the Amazon SageMaker API.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for command in (up, down, status, env, doctor):
    app.command()(command)
app.command("compile")(compile_)
app.command()(inspect)
app.command()(targets)
app.add_typer(datasets.app, name="datasets")


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _global_options(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Options that stand before a command."""


def main() -> None:
    """The console script: an error that Ironworks foresees is one clear message, without a traceback."""
    try:
        app()
    except IronworksError as error:
        sys.exit(f"Error: {error}")
    except OSError as error:  # a home that cannot be read or written, a disk that is full
        sys.exit(f"Error: {error}. What is wrong with the home: ironworks doctor")
