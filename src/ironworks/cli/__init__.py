"""The command line: `ironworks COMMAND`.

One module a group of commands. They import what is heavy inside the commands, because a shell waits for
`eval "$(ironworks env)"` each time it starts.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer

from ironworks import __version__
from ironworks.cli import datasets
from ironworks.cli.bench import bench
from ironworks.cli.compile import compile_, targets
from ironworks.cli.console import console
from ironworks.cli.deploy import deploy
from ironworks.cli.doctor import doctor
from ironworks.cli.endpoints import endpoints
from ironworks.cli.environment import env
from ironworks.cli.failures import explained
from ironworks.cli.inspect import inspect
from ironworks.cli.invoke import invoke
from ironworks.cli.job import job
from ironworks.cli.jobs import jobs, stop
from ironworks.cli.logs import logs
from ironworks.cli.models import models
from ironworks.cli.remove import rm
from ironworks.cli.server import down, up
from ironworks.cli.status import status
from ironworks.cli.train import train

app = typer.Typer(
    name="ironworks",
    help="Train, compile and serve machine-learning models on your own machines, behind the Amazon SageMaker API.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

SERVER, WORK, LOOK, DATA = "Server", "Train, compile, deploy", "Look", "Data"
_COMMANDS: dict[str, dict[str, Callable[..., None]]] = {
    SERVER: {"up": up, "down": down, "status": status, "env": env, "doctor": doctor},
    WORK: {
        "train": train,
        "compile": compile_,
        "targets": targets,
        "deploy": deploy,
        "invoke": invoke,
        "bench": bench,
        "stop": stop,
        "rm": rm,
    },
    LOOK: {
        "jobs": jobs,
        "job": job,
        "logs": logs,
        "models": models,
        "endpoints": endpoints,
        "inspect": inspect,
        "console": console,
    },
}
for panel, commands in _COMMANDS.items():
    for name, command in commands.items():
        app.command(name, rich_help_panel=panel)(command)
app.add_typer(datasets.app, name="datasets", rich_help_panel=DATA)


@app.command(rich_help_panel=SERVER)
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
    except Exception as error:
        found = explained(error)
        if found is None:
            raise
        message, code = found
        print(f"Error: {message}", file=sys.stderr)
        sys.exit(code)
