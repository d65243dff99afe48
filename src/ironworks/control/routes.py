"""Where the requests of endpoints go: what the reconciler tells to whoever sends them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ironworks.control import instances
from ironworks.control.plans import Plan
from ironworks.control.records import Instance
from ironworks.home import Home


@dataclass(frozen=True)
class Route:
    """Where the requests of one variant go."""

    variant: str
    weight: float
    sockets: tuple[Path, ...]


class Router(Protocol):
    """Whoever sends requests to instances."""

    def publish(self, arn: str, routes: Sequence[Route]) -> None:
        """From now on the endpoint's requests go there; no routes: nowhere."""


def of_plan(home: Home, plan: Plan, living: Iterable[Instance]) -> tuple[Route, ...]:
    """The routes to those instances of a plan that have answered and are not to end."""
    serving = [i for i in living if i.generation == plan.generation and i.ready and not i.ending]
    return tuple(
        Route(
            variant.name,
            variant.weight,
            tuple(instances.socket_path(home, i.id) for i in serving if i.variant == variant.name),
        )
        for variant in plan.variants
    )
