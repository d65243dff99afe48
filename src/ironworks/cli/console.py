"""`ironworks console`."""

from __future__ import annotations

import webbrowser
from typing import Annotated

import typer

from ironworks.cli.options import HomeOption, home_at
from ironworks.errors import ClientError
from ironworks.server.process import running


def console(
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open it in the browser, or only print the link.")
    ] = True,
    home: HomeOption = None,
) -> None:
    """Open the console. The link signs in one browser, once, within five minutes."""
    from ironworks.console.access import make_link_token
    from ironworks.console.urls import link
    from ironworks.server.keys import Keys

    place = home_at(home)
    record = running(place)
    if record is None:
        raise ClientError(f"No server runs on {place.path}. Start it first: ironworks up")
    token = make_link_token(Keys.open(place.keys).secret_access_key)
    url = record.url + link("login", token=token)
    typer.echo(url)
    if open_browser and not webbrowser.open(url):
        typer.echo("No browser could be opened here: open the link yourself.", err=True)
