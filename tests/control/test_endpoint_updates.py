"""Endpoints that change while they serve: other configurations, other weights, other counts."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from ironworks.control import endpoints, instances
from ironworks.control.endpoint_controller import EndpointController
from ironworks.control.platform import Platform
from ironworks.control.records import Instance, Resource
from tests.control.fakes import FakeExecutor, Routes
from tests.control.serving import (
    MANIFEST,
    create,
    create_config,
    create_model,
    in_service,
    of,
    read,
    running,
    scale,
    settle,
    sockets,
    until,
    variant,
)


def update(platform: Platform, *variants: dict[str, Any], name: str = "new", **options: Any) -> None:
    """Begin to bring the endpoint `e` to a new configuration."""
    create_config(platform, name, *(variants or (variant(),)))
    endpoints.update(platform, read(platform), name, **options)


def begin(platform: Platform, controller: EndpointController, count: int = 1) -> list[Instance]:
    """Go on until the new instances of an update to generation 2 run."""
    until(controller, lambda: len(of(platform, 2)) == count)
    return of(platform, 2)


def test_traffic_moves_when_every_new_instance_answers_and_the_old_ones_end_after_that(
    platform: Platform,
    controller: EndpointController,
    executor: FakeExecutor,
    routes: Routes,
    ready: set[str],
) -> None:
    endpoint = create(platform)
    (old,) = in_service(platform, controller, ready)
    until(controller, lambda: not controller.reconcile())
    update(platform, variant(count=2))
    one, two = begin(platform, controller, 2)
    ready.add(one.id)
    for _ in range(3):
        controller.reconcile()
    assert read(platform).status == "Updating"
    assert routes.now[endpoint.arn][0].sockets == sockets(platform, old)
    assert not executor.signals
    ready.add(two.id)
    until(controller, lambda: read(platform).status == "InService")
    assert not executor.signals, "the old one still serves"
    controller.reconcile()
    assert routes.now[endpoint.arn][0].sockets == sockets(platform, one, two)
    assert not executor.signals, "what was sent to it in between is answered"
    controller.reconcile()
    assert executor.terminated() == [int(old.process["pid"])]
    assert {i.id for i in settle(platform, controller, executor, 2)} == {one.id, two.id}
    assert endpoints.plan(read(platform)).config == "new"
    until(controller, lambda: not controller.reconcile())
    folders = [path.name for path in instances.folder(platform.home, endpoint.id).iterdir() if path.is_dir()]
    assert folders == ["AllTraffic.2"]


def test_new_instances_get_the_model_that_the_new_configuration_names(
    platform: Platform, controller: EndpointController, executor: FakeExecutor, ready: set[str]
) -> None:
    endpoint = create(platform)
    in_service(platform, controller, ready)
    create_model(platform, "better", manifest__json=MANIFEST, weights="1")
    update(platform, variant(model="better"))
    (new,) = begin(platform, controller)
    command = executor.commands[int(new.process["pid"])]
    folder = Path(command[command.index("--model") + 1])
    assert instances.folder(platform.home, endpoint.id) / "AllTraffic.2" in (folder, *folder.parents)
    assert (folder / "weights").read_text() == "1"


@pytest.mark.parametrize("fault", ["no model", "ends", "silent", "late"])
def test_an_update_that_fails_leaves_the_endpoint_as_it_was_and_says_why(
    platform: Platform,
    controller: EndpointController,
    executor: FakeExecutor,
    routes: Routes,
    ready: set[str],
    fault: str,
) -> None:
    endpoint = create(platform)
    (old,) = in_service(platform, controller, ready)
    create_model(platform, "worse")
    if fault == "no model":
        platform.objects.delete("bucket", "worse.tar.gz")
    patience = {"ContainerStartupHealthCheckTimeoutInSeconds": 0} if fault == "silent" else {}
    update(platform, variant(model="worse", **patience), seconds=0 if fault == "late" else None)
    if fault == "ends":
        (new,) = begin(platform, controller)
        instances.log_path(platform.home, endpoint.id, new.id).write_text("no module named x\n")
        executor.die(int(new.process["pid"]))
    until(controller, lambda: read(platform).status == "InService")
    expected = {
        "no model": "worse.tar.gz",
        "ends": "no module named x",
        "silent": "did not answer GET /ping",
        "late": "MaximumExecutionTimeoutInSeconds",
    }
    assert expected[fault] in read(platform).state["FailureReason"]
    assert [i.id for i in settle(platform, controller, executor, 1)] == [old.id]
    assert endpoints.plan(read(platform)).config == "c"
    assert [route.sockets for route in routes.now[endpoint.arn]] == [sockets(platform, old)]
    until(controller, lambda: not controller.reconcile())
    folders = [path.name for path in instances.folder(platform.home, endpoint.id).iterdir() if path.is_dir()]
    assert folders == ["AllTraffic.1"]


def test_an_update_after_one_that_failed_does_not_take_what_that_left(
    platform: Platform, controller: EndpointController, executor: FakeExecutor, ready: set[str]
) -> None:
    create(platform)
    in_service(platform, controller, ready)
    update(platform, name="first")
    (new,) = begin(platform, controller)
    executor.die(int(new.process["pid"]))
    until(controller, lambda: read(platform).status == "InService")
    update(platform, name="second")
    assert "FailureReason" not in read(platform).state
    until(controller, lambda: len(of(platform, 3)) == 1)
    ready.update(instance.id for instance in running(platform))
    until(controller, lambda: read(platform).status == "InService")
    assert endpoints.plan(read(platform)).config == "second"


def test_an_instance_that_dies_during_an_update_is_replaced_and_the_update_goes_on(
    platform: Platform,
    controller: EndpointController,
    executor: FakeExecutor,
    routes: Routes,
    ready: set[str],
) -> None:
    endpoint = create(platform)
    (old,) = in_service(platform, controller, ready)
    update(platform)
    (new,) = begin(platform, controller)
    executor.die(int(old.process["pid"]))
    until(controller, lambda: len(of(platform, 1)) == 1)
    assert read(platform).status == "Updating"
    ready.add(of(platform, 1)[0].id)
    until(controller, lambda: routes.now[endpoint.arn][0].sockets == sockets(platform, *of(platform, 1)))
    ready.add(new.id)
    assert [i.id for i in settle(platform, controller, executor, 1)] == [new.id]


def test_an_update_can_mend_an_endpoint_whose_instances_cannot_be_started_any_more(
    platform: Platform, controller: EndpointController, executor: FakeExecutor, ready: set[str]
) -> None:
    endpoint = create(platform)
    (old,) = in_service(platform, controller, ready)
    folder = instances.variant_folder(platform.home, endpoint.id, endpoints.plan(endpoint).variants[0])
    folder.rename(folder.with_name("lost"))
    platform.objects.delete("bucket", "m.tar.gz")
    executor.die(int(old.process["pid"]))
    create_model(platform, "sound")
    update(platform, variant(model="sound"))
    (new,) = begin(platform, controller)
    ready.add(new.id)
    assert [i.id for i in settle(platform, controller, executor, 1)] == [new.id]


def test_a_new_server_goes_on_with_an_update(
    platform: Platform, controller: EndpointController, executor: FakeExecutor, ready: set[str]
) -> None:
    endpoint = create(platform)
    in_service(platform, controller, ready)
    update(platform, variant(count=2))
    one, two = begin(platform, controller, 2)
    executor.die(int(one.process["pid"]))  # nobody is there to see it
    routes = Routes()
    successor = EndpointController(platform, executor, {}, routes)
    until(successor, lambda: len(of(platform, 2)) == 2 and one.id not in {i.id for i in of(platform, 2)})
    ready.update(instance.id for instance in running(platform))
    assert two.id in {instance.id for instance in settle(platform, successor, executor, 2)}
    assert routes.now[endpoint.arn][0].sockets == sockets(platform, *of(platform, 2))
    successor.close()


def test_deleting_an_endpoint_that_is_being_updated_ends_both_generations(
    platform: Platform, controller: EndpointController, executor: FakeExecutor, ready: set[str]
) -> None:
    endpoint = create(platform)
    in_service(platform, controller, ready)
    update(platform)
    begin(platform, controller)
    platform.resources.change(endpoint.id, endpoints.request_delete)
    until(controller, lambda: len(executor.terminated()) == 2)
    for pid in executor.terminated():
        executor.die(pid)
    until(controller, lambda: not platform.resources.exists(endpoint.id))
    assert not running(platform)


def test_only_an_endpoint_in_service_can_be_changed(
    platform: Platform, controller: EndpointController, ready: set[str]
) -> None:
    create(platform)
    for state in ("Creating", "Updating"):
        assert read(platform).status == state
        with pytest.raises(endpoints.Busy) as raised:
            update(platform, name=f"while-{state}")
        assert raised.value.status == state
        with pytest.raises(endpoints.Busy):
            scale(platform, DesiredInstanceCount=2)
        if state == "Creating":
            in_service(platform, controller, ready)
            update(platform)


def test_variants_that_stay_keep_their_address_and_what_is_retained(
    platform: Platform, controller: EndpointController, ready: set[str]
) -> None:
    create(platform)
    in_service(platform, controller, ready)
    (before,) = endpoints.plan(read(platform)).variants
    scale(platform, DesiredWeight=7.0)
    until(controller, lambda: read(platform).status == "InService")
    wanted = variant(count=3, InitialVariantWeight=2.0), variant("other")
    update(platform, *wanted, retained=[endpoints.WEIGHT])
    following = endpoints.next_plan(read(platform))
    assert following is not None
    stays, comes = following.variants
    assert (stays.address, stays.weight, stays.instance_count) == (before.address, 7.0, 3)
    assert comes.address not in ("", before.address)


def test_a_time_limit_ends_with_its_update(
    platform: Platform, controller: EndpointController, executor: FakeExecutor, ready: set[str]
) -> None:
    create(platform)
    in_service(platform, controller, ready)
    update(platform, seconds=3600)
    ready.update(instance.id for instance in begin(platform, controller))
    settle(platform, controller, executor, 1)
    assert endpoints.plan(read(platform)).deadline is None


def test_an_endpoint_of_before_there_were_direct_addresses_gets_them_with_its_first_update(
    platform: Platform, controller: EndpointController, executor: FakeExecutor, ready: set[str]
) -> None:
    endpoint = create(platform)

    def forget(row: Resource) -> None:
        plan = row.state["Plan"]
        row.state = {"Plan": {**plan, "variants": [{**plan["variants"][0], "address": ""}]}}

    platform.resources.change(endpoint.id, forget)
    (old,) = in_service(platform, controller, ready)
    assert "IRONWORKS_DIRECT_TOKEN" not in executor.environments[int(old.process["pid"])]
    update(platform)
    (new,) = begin(platform, controller)
    token = read(platform).state["Token"]
    assert executor.environments[int(new.process["pid"])]["IRONWORKS_DIRECT_TOKEN"] == token
    assert token not in " ".join(executor.commands[int(new.process["pid"])])
    assert time.time() > new.started_at.timestamp()
