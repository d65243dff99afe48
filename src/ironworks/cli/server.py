"""`ironworks up` and `ironworks down`."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from ironworks.cli.options import HomeOption, home_at
from ironworks.home import DEFAULT_PORT, Home
from ironworks.server.activation import restored
from ironworks.server.process import ServerRecord, running, start_in_background, stop


def up(
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = DEFAULT_PORT,
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay, and print the log here.")] = False,
    home: HomeOption = None,
) -> None:
    """Start the server, in the background unless told otherwise. Jobs and endpoints of before go on."""
    place = home_at(home)
    record = running(place)
    if record is not None:
        typer.echo(f"Ironworks {record.version} runs already: {_facts(record)}")
        return
    first = not place.keys.exists()
    # Started from a shell that `ironworks env` has set up, the server must not take itself for its proxy.
    environ = restored(os.environ)
    if foreground:
        _stay(place, host, port, environ)
        return
    record = start_in_background(place, host, port, environ=environ)
    if first:
        _introduce(place)
    typer.echo(f"Ironworks {record.version} is up: {_facts(record)}")
    typer.echo(f'Next, in this shell:  eval "$(ironworks env{_home_argument(home)})"')


def down(
    everything: Annotated[
        bool, typer.Option("--all", help="Also end running jobs and endpoint instances.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Stop the server. Running jobs and endpoint instances go on, unless --all is given."""
    from ironworks.control.processes import stop_all, survivors

    place = home_at(home)
    record = stop(place)
    if record is None:
        typer.echo(f"No server runs on {place.path}.")
    else:
        typer.echo(f"Stopped the server (process {record.pid}).")
    if not place.path.is_dir():
        return
    if everything:
        for name in stop_all(place):
            typer.echo(f"Ended {name}.")
        return
    left = survivors(place)
    if left:
        typer.echo("These go on running; the next 'ironworks up' finds them again:")
        for survivor in left:
            typer.echo(f"  {survivor.name}")
        typer.echo("To end them too: ironworks down --all")


def _stay(home: Home, host: str, port: int, environ: dict[str, str]) -> None:
    from ironworks.server.app import create_app
    from ironworks.server.foreground import run

    os.environ.clear()
    os.environ.update(environ)
    run(home, host, port, create_app)


def _facts(record: ServerRecord) -> str:
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.started))
    return f"{record.url} (process {record.pid}, since {since})"


def _introduce(home: Home) -> None:
    from ironworks.server.keys import Keys

    keys = Keys.open(home.keys)
    typer.echo(f"Made a new installation in {home.path}:")
    typer.echo(f"  access key             {keys.access_key_id} of account {keys.account}, in {home.keys}")
    typer.echo(f"  certificate authority  for *.amazonaws.com and *.amazonaws.com.cn alone, in {home.ca}")


def _home_argument(home: Path | None) -> str:
    import shlex

    return "" if home is None else f" --home {shlex.quote(str(home))}"
