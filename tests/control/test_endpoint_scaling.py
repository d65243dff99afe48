"""Other weights and other counts of instances, while an endpoint serves."""

from __future__ import annotations

import pytest

from ironworks.control import endpoint_controller, endpoints
from ironworks.control.endpoint_controller import EndpointController
from ironworks.control.platform import Platform
from ironworks.control.resources import NotFound
from tests.control.fakes import FakeExecutor, Routes
from tests.control.serving import (
    create,
    in_service,
    read,
    running,
    scale,
    settle,
    sockets,
    until,
)


def test_a_new_server_ends_what_its_predecessor_was_about_to_end(
    platform: Platform, controller: EndpointController, executor: FakeExecutor, ready: set[str]
) -> None:
    create(platform, count=2)
    in_service(platform, controller, ready, 2)
    scale(platform, DesiredInstanceCount=1)
    until(controller, lambda: any(instance.ending for instance in running(platform)))
    scale_back = [instance for instance in running(platform) if not instance.ending]
    successor = EndpointController(platform, executor, {}, Routes())
    assert settle(platform, successor, executor, 1)[0].id == scale_back[0].id
    successor.close()


def test_weights_change_at_once_and_instances_stay(
    platform: Platform,
    controller: EndpointController,
    executor: FakeExecutor,
    routes: Routes,
    ready: set[str],
) -> None:
    endpoint = create(platform)
    in_service(platform, controller, ready)
    scale(platform, DesiredWeight=0.25)
    until(controller, lambda: routes.now[endpoint.arn][0].weight == 0.25)
    assert len(executor.commands) == 1


def test_more_instances_serve_as_soon_as_they_answer(
    platform: Platform, controller: EndpointController, routes: Routes, ready: set[str]
) -> None:
    endpoint = create(platform)
    (old,) = in_service(platform, controller, ready)
    scale(platform, DesiredInstanceCount=3)
    until(controller, lambda: len(running(platform)) == 3)
    second = running(platform)[1]
    ready.add(second.id)
    until(controller, lambda: routes.now[endpoint.arn][0].sockets == sockets(platform, old, second))
    assert read(platform).status == "Updating"
    ready.update(instance.id for instance in running(platform))
    until(controller, lambda: read(platform).status == "InService")
    assert endpoints.plan(read(platform)).variants[0].instance_count == 3


def test_fewer_instances_end_one_after_the_other_without_losing_requests(
    platform: Platform,
    controller: EndpointController,
    executor: FakeExecutor,
    routes: Routes,
    ready: set[str],
) -> None:
    endpoint = create(platform, count=3)
    first, *_ = in_service(platform, controller, ready, 3)
    scale(platform, DesiredInstanceCount=1)
    until(controller, lambda: routes.now[endpoint.arn][0].sockets == sockets(platform, first))
    assert not executor.signals
    assert [i.id for i in settle(platform, controller, executor, 1)] == [first.id]


def test_an_instance_that_answers_is_kept_rather_than_an_older_one_that_does_not_yet(
    platform: Platform,
    controller: EndpointController,
    executor: FakeExecutor,
    routes: Routes,
    ready: set[str],
) -> None:
    endpoint = create(platform, count=2)
    for instance in in_service(platform, controller, ready, 2):
        executor.die(int(instance.process["pid"]))
    until(controller, lambda: len(running(platform)) == 2 and not ready & {i.id for i in running(platform)})
    _older, younger = running(platform)
    ready.add(younger.id)
    until(controller, lambda: routes.now[endpoint.arn][0].sockets == sockets(platform, younger))
    scale(platform, DesiredInstanceCount=1)
    assert [i.id for i in settle(platform, controller, executor, 1)] == [younger.id]


def test_more_instances_that_do_not_come_up_are_given_up(
    platform: Platform, controller: EndpointController, executor: FakeExecutor, ready: set[str]
) -> None:
    create(platform)
    (old,) = in_service(platform, controller, ready)
    scale(platform, DesiredInstanceCount=2)
    until(controller, lambda: len(running(platform)) == 2)
    executor.die(int(running(platform)[1].process["pid"]))
    assert [i.id for i in settle(platform, controller, executor, 1)] == [old.id]
    assert "ended before it answered" in read(platform).state["FailureReason"]
    assert endpoints.plan(read(platform)).variants[0].instance_count == 1


def test_an_unknown_variant_is_named_and_nothing_changes(
    platform: Platform, controller: EndpointController, ready: set[str]
) -> None:
    create(platform)
    in_service(platform, controller, ready)
    with pytest.raises(NotFound, match="other"):
        scale(platform, "other", DesiredWeight=1.0)
    assert read(platform).status == "InService"


def test_an_old_instance_that_does_not_end_is_killed_after_its_time(
    platform: Platform,
    controller: EndpointController,
    executor: FakeExecutor,
    ready: set[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(endpoint_controller, "DRAIN_SECONDS", 0)
    create(platform, count=2)
    in_service(platform, controller, ready, 2)
    scale(platform, DesiredInstanceCount=1)
    until(controller, lambda: len(running(platform)) == 1)
    assert executor.killed
