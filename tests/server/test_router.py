"""Where requests go while what runs changes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ironworks.control.endpoint_controller import Route
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
    router.publish(ARN, [BLUE, GREEN, Route("grey", 9.0, ())])
    assert {router.choose(ARN) for _ in range(50)} == {BLUE}
    router.publish(ARN, [GREEN])
    assert router.choose(ARN) == GREEN


def test_only_the_first_question_about_a_new_endpoint_is_the_first() -> None:
    router = EndpointRouter(InstancePool())
    router.expect(ARN)
    assert [router.is_first_question(ARN) for _ in range(2)] == [True, False]
