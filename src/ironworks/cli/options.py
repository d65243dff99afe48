"""Options that several commands have."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from ironworks.home import Home

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
        metavar="PATH",
        help="The folder of the installation; if not given, $IRONWORKS_HOME, or ~/.ironworks.",
        show_default=False,
    ),
]

RegionOption = Annotated[
    str | None,
    typer.Option(
        "--region",
        metavar="REGION",
        help="The region to look in; if not given, $AWS_REGION, or us-west-2.",
        show_default=False,
    ),
]

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def home_at(path: Path | None) -> Home:
    """The home that `--home` names, or that the environment does."""
    return Home.from_environment(os.environ if path is None else {**os.environ, "IRONWORKS_HOME": str(path)})
