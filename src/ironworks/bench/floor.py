"""What the load generator itself costs: the same requests, sent to a server that does nothing."""

from __future__ import annotations

import subprocess
import sys

from ironworks.bench import echo
from ironworks.bench.connection import Destination
from ironworks.bench.load import closed_loop
from ironworks.bench.summary import Summary, summarise

_REQUESTS = 3000
_WARM_UP = 300


def floor(request: bytes) -> Summary:
    """The times of a request to the least server there is, over TCP, one client.

    No server can be measured faster. The echo and the kernel are part of it: the generator's own share is less.
    """
    command = [sys.executable, "-I", "-S", echo.__file__, str(len(request))]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        assert process.stdout is not None and process.stdin is not None
        destination = Destination(("127.0.0.1", int(process.stdout.readline())), request)
        closed_loop(destination, 1, _WARM_UP)
        sample = closed_loop(destination, 1, _REQUESTS)
        process.stdin.close()
    return summarise([sample])
