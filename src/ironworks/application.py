"""What one server serves: the wire, and the console beside it on the same port.

`python -m ironworks.application HOST PORT` is the server of the home that the environment names.
"""

from __future__ import annotations

import sys

from ironworks.console.site import Console
from ironworks.errors import IronworksError
from ironworks.home import Home
from ironworks.server.app import App
from ironworks.server.foreground import run
from ironworks.server.installation import Installation


def create_app(home: Home, address: str) -> App:
    """The application of the installation at `home`, which is opened when the application starts.

    `address` is the URL at which jobs reach it.
    """
    installation = Installation(home, address)
    return App(installation, Console(installation))


if __name__ == "__main__":
    try:
        run(Home.from_environment(), sys.argv[1], int(sys.argv[2]), create_app)
    except IronworksError as error:
        sys.exit(f"Error: {error}")
