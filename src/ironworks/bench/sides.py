"""Makes the sides of a comparison: endpoints as they are, and the original model behind Flask."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ironworks import __version__
from ironworks.bench import endpoint, flask
from ironworks.bench.access import Access
from ironworks.bench.original import find
from ironworks.bench.payload import Payload
from ironworks.bench.trials import Side
from ironworks.errors import ClientError

FLASK = "flask"
SERVER, DIRECT = "server", "direct"
_VERSIONS = {"Ironworks": __version__}


@dataclass(frozen=True)
class Comparison:
    """What is to be measured.

    Attributes:
        against: another endpoint, or `FLASK`; None measures the endpoint alone.
        through: the way to endpoints, `SERVER` or `DIRECT`.
        original: the original model for `FLASK`; None looks for it.
    """

    endpoint: str
    against: str | None
    through: str
    payload: Payload
    original: str | None = None


@contextmanager
def sides(
    comparison: Comparison, access: Access, environments: Path, say: Callable[[str], None]
) -> Iterator[list[Side]]:
    """The endpoint first, then what it is compared with, which is served until the block is left.

    Args:
        environments: where Flask and MXNet are installed.
        say: takes a line about what is being done.

    Raises:
        ClientError: an endpoint does not serve, or the original model cannot be found.
        PlatformError: Flask cannot be installed or started.
    """
    if comparison.against == comparison.endpoint:
        raise ClientError(f"{comparison.endpoint} cannot be compared with itself.")
    with ExitStack() as stack:
        found = [_endpoint(comparison.endpoint, comparison, access)]
        if comparison.against == FLASK:
            found += _flask(stack, comparison, access, environments, say)
        elif comparison.against is not None:
            found.append(_endpoint(comparison.against, comparison, access))
        yield found


def _endpoint(name: str, comparison: Comparison, access: Access) -> Side:
    endpoint.in_service(access, name)
    way = endpoint.through_server if comparison.through == SERVER else endpoint.directly
    return Side(name, way(access, name, comparison.payload), _VERSIONS)


def _flask(
    stack: ExitStack,
    comparison: Comparison,
    access: Access,
    environments: Path,
    say: Callable[[str], None],
) -> Iterator[Side]:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ironworks-bench-")))
    say("Looking for the original model")
    original = find(access, comparison.endpoint, comparison.original, folder)
    say("Preparing Flask and MXNet")
    python = flask.prepare(environments, say)
    for server in (flask.WERKZEUG, flask.GUNICORN):
        say(f"Starting {server} with {original.source}")
        serving = flask.flask(server, python, original.folder, original.shapes, comparison.payload)
        destination, _ = stack.enter_context(serving)
        yield Side(server, lambda destination=destination: destination, flask.VERSIONS)  # type: ignore[misc]
