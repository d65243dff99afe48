"""Chooses where the requests of an endpoint go.

The reconciler publishes what runs, from its thread; requests read it, in the event loop. Every publication
replaces an entry as a whole, so neither waits for the other.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from ironworks.control.routes import Route
from ironworks.server.instances import InstancePool


class EndpointRouter:
    """Routes by endpoint ARN, and the pool of connections behind them."""

    def __init__(self, pool: InstancePool) -> None:
        self.pool = pool
        self._routes: dict[str, tuple[Route, ...]] = {}
        self._expected: set[str] = set()

    def publish(self, arn: str, routes: Sequence[Route]) -> None:
        """From now on the endpoint's requests go there; no routes: nowhere."""
        left = {route.variant for route in self.routes(arn)} - {route.variant for route in routes}
        for route in routes:
            self.pool.set_instances(key(arn, route.variant), route.sockets)
        if routes:
            self._routes[arn] = tuple(routes)
        else:
            self._routes.pop(arn, None)
        for variant in left:  # only now: until here a request may have been sent there
            self.pool.set_instances(key(arn, variant), ())

    def routes(self, arn: str) -> tuple[Route, ...]:
        """The variants of an endpoint in service; none when it serves nothing."""
        return self._routes.get(arn, ())

    def instances(self, arn: str, variant: str) -> int:
        """How many instances serve a variant."""
        return sum(len(route.sockets) for route in self.routes(arn) if route.variant == variant)

    def choose(self, arn: str) -> Route | None:
        """A variant by weight; None when the endpoint serves nothing.

        Variants without weight get nothing, unless none has any. One whose instances are all being replaced is passed
        over if another is there.
        """
        routes = self.routes(arn)
        if len(routes) > 1:
            routes = _those([route for route in routes if route.weight > 0], routes)
            routes = _those([route for route in routes if route.sockets], routes)
        if len(routes) <= 1:
            return routes[0] if routes else None
        weights = [route.weight for route in routes]
        return random.choices(routes, weights if any(weights) else None)[0]

    def expect(self, arn: str) -> None:
        """The endpoint has been created or changed, and nobody has asked about it yet."""
        self._expected.add(arn)

    def is_first_question(self, arn: str) -> bool:
        """Whether this is the first time since then that somebody asks about it."""
        if arn not in self._expected:
            return False
        self._expected.discard(arn)
        return True


def key(arn: str, variant: str) -> str:
    """What the pool calls the instances of a variant."""
    return f"{arn}/{variant}"


def _those(found: Sequence[Route], otherwise: Sequence[Route]) -> tuple[Route, ...]:
    return tuple(found or otherwise)
