"""What the functions that perform operations are given."""

from __future__ import annotations

from dataclasses import dataclass

from ironworks.control.platform import Platform
from ironworks.control.reconciler import Reconciler
from ironworks.server.keys import Keys
from ironworks.server.metrics import Metrics
from ironworks.server.router import EndpointRouter


@dataclass(frozen=True)
class Backend:
    """The installation, its loop, its keys, its routes, what it measures, and the host at which it is reached."""

    platform: Platform
    reconciler: Reconciler
    keys: Keys
    router: EndpointRouter
    metrics: Metrics
    host: str
