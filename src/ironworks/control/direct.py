"""Direct addresses: where the instances of a variant answer without AWS's wire, to whoever has the endpoint's token.

All instances of a variant listen on one TCP port (SO_REUSEPORT), and the kernel spreads connections over them.
"""

from __future__ import annotations

import random
import secrets
import socket
from collections.abc import Collection

from ironworks.errors import PlatformError

TOKEN_VARIABLE = "IRONWORKS_DIRECT_TOKEN"
"""How an instance is told the token: other users of the machine can read its arguments, not its environment."""
_PORTS = range(20_000, 32_768)
"""Below those that Linux gives to outgoing connections: none of them can be in the way when an instance starts."""


def new_token() -> str:
    """A secret of 256 bits."""
    return secrets.token_urlsafe(32)


def free_address(host: str, taken: Collection[str] = ()) -> str:
    """`HOST:PORT` of a port of ours that nobody listens on, and which is not among those `taken`.

    Raises:
        PlatformError: there is none.
    """
    for port in random.sample(_PORTS, len(_PORTS)):
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        if address not in taken and _is_free(host, port):
            return address
    raise PlatformError(
        f"No port of {host} between {_PORTS.start} and {_PORTS.stop - 1} is free for the endpoint's direct address."
    )


def _is_free(host: str, port: int) -> bool:
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError:
        return False
    return True
