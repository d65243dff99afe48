"""Where requests go while what runs changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ironworks.control.routes import Route
from ironworks.server.instances import InstancePool
from ironworks.server.router import EndpointRouter, key

ARN = "arn:aws:sagemaker:us-west-2:123456789012:endpoint/digits"
BLUE, GREEN = Route("blue", 1.0, (Path("/b"),)), Route("green", 0.0, (Path("/g"),))


class Watched(InstancePool):
    """At each change of the pool: the routes that a request would find at that moment."""

    def __init__(self) -> None:
        super().__init__()
        self.router: EndpointRouter | None = None
        self.seen: list[tuple[str, list[Path], list[str]]] = []

    def set_instances(self, key: str, sockets: Iterable[Path]) -> None:
        assert self.router is not None
        routed = [route.variant for route in self.router.routes(ARN)]
        self.seen.append((key.rpartition("/")[2], list(sockets), routed))
        super().set_instances(key, sockets)


def test_no_route_ever_leads_to_instances_that_are_not_there() -> None:
    pool = Watched()
    pool.router = router = EndpointRouter(pool)
    router.publish(ARN, [BLUE])
    router.publish(ARN, [GREEN])
    router.publish(ARN, [])
    assert pool.seen == [
        ("blue", [Path("/b")], []),
        ("green", [Path("/g")], ["blue"]),
        ("blue", [], ["green"]),
        ("green", [], []),
    ]
    assert key(ARN, "blue") == f"{ARN}/blue"


def test_variants_are_chosen_by_weight_among_those_with_instances() -> None:
    router = EndpointRouter(InstancePool())
    assert router.choose(ARN) is None
    router.publish(ARN, [BLUE, replace(GREEN, weight=3.0), Route("grey", 9.0, ())])
    chosen = Counter(route.variant for route in map(router.choose, [ARN] * 2000) if route)
    assert chosen.keys() == {"blue", "green"}
    assert 350 < chosen["blue"] < 650


def test_a_variant_without_weight_gets_nothing_unless_none_has_any() -> None:
    router = EndpointRouter(InstancePool())
    empty = Route("blue", 1.0, ())
    router.publish(ARN, [empty, GREEN])
    assert router.choose(ARN) == empty, "it waits rather than to go to green"
    router.publish(ARN, [replace(BLUE, weight=0.0), GREEN])
    assert {route.variant for route in map(router.choose, [ARN] * 100) if route} == {"blue", "green"}


def test_only_the_first_question_about_a_new_endpoint_is_the_first() -> None:
    router = EndpointRouter(InstancePool())
    router.expect(ARN)
    assert [router.is_first_question(ARN) for _ in range(2)] == [True, False]


def test_instances_are_counted_by_variant() -> None:
    router = EndpointRouter(InstancePool())
    router.publish(ARN, [Route("blue", 1.0, (Path("/b"), Path("/c"))), Route("grey", 1.0, ())])
    assert [router.instances(ARN, variant) for variant in ("blue", "grey", "red")] == [2, 0, 0]
    assert router.instances(ARN + "-2", "blue") == 0
