"""What is measured: something that serves the model, as a context manager."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from benchmarks.serving.peers.model import PAYLOADS, Prepared

from ironworks.bench.connection import Destination


@dataclass(frozen=True)
class Serving:
    """A server that answers.

    Attributes:
        destination: makes where requests go, anew for each measurement.
        memory: resident bytes of its processes together.
    """

    destination: Callable[[], Destination]
    memory: Callable[[], int]


Serve = Callable[[Prepared, str], AbstractContextManager[Serving]]
"""Serves a model to requests with a payload of a kind (of `PAYLOADS`) until the block is left.

It raises PlatformError or ClientError when it cannot be installed or started."""


@dataclass(frozen=True)
class Peer:
    """One row of the comparison.

    Attributes:
        key: how it is chosen on the command line.
        name: how it is called in the tables.
        how: its settings, in words.
        payloads: those that it takes.
        versions: of what it is made of.
    """

    key: str
    name: str
    how: str
    serve: Serve
    payloads: Sequence[str] = PAYLOADS
    versions: Mapping[str, str] = field(default_factory=dict)
