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

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def home_at(path: Path | None) -> Home:
    """The home that `--home` names, or that the environment does."""
    return Home.from_environment(os.environ if path is None else {**os.environ, "IRONWORKS_HOME": str(path)})
