"""`python -m ironworks.server HOST PORT`: the server of the home that the environment names."""

from __future__ import annotations

import sys

from ironworks.errors import IronworksError
from ironworks.home import Home
from ironworks.server.app import create_app
from ironworks.server.foreground import run

if __name__ == "__main__":
    try:
        run(Home.from_environment(), sys.argv[1], int(sys.argv[2]), create_app)
    except IronworksError as error:
        sys.exit(f"Error: {error}")
