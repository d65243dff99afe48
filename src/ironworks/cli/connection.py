"""The server that runs on a home. The command line goes through the wire like everybody else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ironworks.cli.failures import NotRunning
from ironworks.cli.options import home_at
from ironworks.home import Home
from ironworks.server.activation import DEFAULT_REGION
from ironworks.server.process import ServerRecord, running

if TYPE_CHECKING:
    from ironworks.sdk.session import Session


def connect(home: Path | None, region: str | None = None) -> Session:
    """A session with the server of a home, which is not started if it does not run.

    Raises:
        NotRunning: none runs on it.
    """
    place, _ = server_of(home)
    from ironworks.sdk.session import Session

    return Session(place.path, region)


def server_of(home: Path | None) -> tuple[Home, ServerRecord]:
    """A home and what runs on it.

    Raises:
        NotRunning: nothing does.
    """
    place = home_at(home)
    record = running(place)
    if record is None:
        raise NotRunning(f"No server runs on {place.path}. Start it: ironworks up")
    return place, record


def region_of(given: str | None) -> str:
    """The region of `--region`, else that of the environment, else the one that `ironworks env` sets."""
    found = given or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return found or DEFAULT_REGION
