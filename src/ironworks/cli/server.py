"""`ironworks up` and `ironworks down`."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ironworks.cli.options import HomeOption, JsonOption, home_at
from ironworks.cli.screen import print_json
from ironworks.home import DEFAULT_PORT, Home
from ironworks.server.activation import restored
from ironworks.server.process import ServerRecord, running, start_in_background, stop


def up(
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = DEFAULT_PORT,
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay, and print the log here.")] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Start the server, in the background unless told otherwise.

    Jobs and endpoints of before go on.
    """
    place = home_at(home)
    record = running(place)
    if record is not None:
        _say(record, f"Ironworks {record.version} runs already: {_facts(record)}", as_json)
        return
    first = not place.keys.exists()
    # Started from a shell that `ironworks env` has set up, the server must not take itself for its proxy.
    environ = restored(os.environ)
    if foreground:
        _stay(place, host, port, environ)
        return
    record = start_in_background(place, host, port, environ=environ)
    if first and not as_json:
        _introduce(place)
    next_step = f'Next, in this shell:  eval "$(ironworks env{_home_argument(home)})"'
    _say(record, f"Ironworks {record.version} is up: {_facts(record)}\n{next_step}", as_json)


def down(
    everything: Annotated[
        bool, typer.Option("--all", help="Also end running jobs and endpoint instances.")
    ] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Stop the server.

    Running jobs and endpoint instances go on, unless --all is given.
    """
    from ironworks.control.processes import stop_all, survivors

    place = home_at(home)
    record = stop(place)
    there = place.path.is_dir()
    ended = stop_all(place) if everything and there else []
    left = [survivor.name for survivor in survivors(place)] if there and not everything else []
    if as_json:
        stopped = None if record is None else record.pid
        print_json({"stopped": stopped, "ended": ended, "going_on": left})
        return
    if record is None:
        typer.echo(f"No server runs on {place.path}.")
    else:
        typer.echo(f"Stopped the server (process {record.pid}).")
    for name in ended:
        typer.echo(f"Ended {name}.")
    if left:
        typer.echo("These go on running; the next 'ironworks up' finds them again:")
        for name in left:
            typer.echo(f"  {name}")
        typer.echo("To end them too: ironworks down --all")


def _stay(home: Home, host: str, port: int, environ: dict[str, str]) -> None:
    from ironworks.application import create_app
    from ironworks.server.foreground import run

    os.environ.clear()
    os.environ.update(environ)
    run(home, host, port, create_app)


def _say(record: ServerRecord, text: str, as_json: bool) -> None:
    if as_json:
        print_json(asdict(record))
    else:
        typer.echo(text)


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
