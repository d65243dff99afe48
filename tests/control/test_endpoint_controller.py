"""The controller of endpoints: from plan to instances, and back to nothing."""

from __future__ import annotations

import sys
import threading
from itertools import pairwise
from typing import Any

import pytest

from ironworks.control import (
    endpoint_controller,
    endpoints,
    fleet,
    instance_logs,
    instances,
    model_folders,
    plans,
)
from ironworks.control.endpoint_controller import EndpointController
from ironworks.control.logs import Window
from ironworks.control.platform import Platform
from ironworks.control.preparations import Preparations
from ironworks.control.records import Instance, Resource
from ironworks.control.resources import NotFound
from ironworks.executors import local
from tests.control.conftest import REGION
from tests.control.fakes import FakeExecutor, Routes
from tests.control.serving import create, in_service, read, running, until


def test_endpoint_is_in_service_when_every_instance_answers(
    platform: Platform, controller: EndpointController, routes: Routes, ready: set[str]
) -> None:
    endpoint = create(platform, count=2)
    until(controller, lambda: len(running(platform)) == 2)
    ready.add(running(platform)[0].id)
    controller.reconcile()
    assert read(platform).status == "Creating"
    ready.add(running(platform)[1].id)
    until(controller, lambda: read(platform).status == "InService")
    (route,) = routes.now[endpoint.arn]
    assert route.sockets == tuple(instances.socket_path(platform.home, i.id) for i in running(platform))


def test_instance_gets_the_models_environment(
    platform: Platform, controller: EndpointController, executor: FakeExecutor, ready: set[str]
) -> None:
    create(platform)
    in_service(platform, controller, ready)
    ((pid, command),) = executor.commands.items()
    assert "ironworks.serving" in command
    assert executor.environments[pid]["A"] == "1"


def test_dead_instance_is_replaced_and_requests_go_to_the_living(
    platform: Platform,
    controller: EndpointController,
    executor: FakeExecutor,
    routes: Routes,
    ready: set[str],
) -> None:
    endpoint = create(platform, count=2)
    first, second = in_service(platform, controller, ready, 2)
    executor.die(int(first.process["pid"]))
    controller.reconcile()
    assert routes.now[endpoint.arn][0].sockets == (instances.socket_path(platform.home, second.id),)
    until(controller, lambda: len(running(platform)) == 2)
    ready.update(instance.id for instance in running(platform))
    until(controller, lambda: len(routes.now[endpoint.arn][0].sockets) == 2)
    assert read(platform).status == "InService"


def test_instance_that_ends_before_it_answers_fails_the_endpoint_with_its_last_line(
    platform: Platform,
    controller: EndpointController,
    executor: FakeExecutor,
    routes: Routes,
    ready: set[str],
) -> None:
    endpoint = create(platform)
    until(controller, lambda: running(platform))
    (instance,) = running(platform)
    instances.log_path(platform.home, endpoint.id, instance.id).write_text("loading\nno module named x\n")
    executor.die(int(instance.process["pid"]))
    until(controller, lambda: read(platform).status == "Failed")
    assert "no module named x" in read(platform).state["FailureReason"]
    until(controller, lambda: not running(platform))
    group = f"{endpoints.LOG_GROUP}/e"
    (stream,) = platform.logs.streams(REGION, group)
    assert stream.name == f"AllTraffic/{instance.id}"


def test_instance_that_never_answers_fails_the_endpoint(
    platform: Platform, controller: EndpointController, ready: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "START_SECONDS", 0)
    create(platform)
    until(controller, lambda: read(platform).status == "Failed")
    assert "did not answer GET /ping" in read(platform).state["FailureReason"]


def test_replacement_that_never_answers_is_killed_and_replaced_in_its_turn(
    platform: Platform, controller: EndpointController, executor: FakeExecutor, ready: set[str]
) -> None:
    endpoint = create(platform)
    (first,) = in_service(platform, controller, ready)

    def lose_patience(row: Resource) -> None:
        plan = row.state["Plan"]
        row.state = {**row.state, "Plan": {**plan, "variants": [{**plan["variants"][0], "start_seconds": 0}]}}

    platform.resources.change(endpoint.id, lose_patience)
    executor.die(int(first.process["pid"]))
    until(controller, lambda: len(executor.commands) == 3)
    assert len(executor.running) == 1
    assert read(platform).status == "InService"


def test_model_compiled_for_another_family_is_refused(
    platform: Platform, controller: EndpointController, ready: set[str]
) -> None:
    create(platform, instance_type="ml.m5.large")
    until(controller, lambda: read(platform).status == "Failed")
    reason = read(platform).state["FailureReason"]
    assert "ml_c5" in reason and "ml.m5.large" in reason
    assert not running(platform)


@pytest.mark.parametrize("url", ["s3://bucket/absent.tar.gz", "s3://no-such-bucket/m.tar.gz"])
def test_model_data_that_is_not_there_is_named(
    platform: Platform, controller: EndpointController, ready: set[str], url: str
) -> None:
    endpoint = create(platform)
    plan = endpoint.state["Plan"]

    def change(row: Resource) -> None:
        row.state = {**row.state, "Plan": {**plan, "variants": [{**plan["variants"][0], "model_data": url}]}}

    platform.resources.change(endpoint.id, change)
    until(controller, lambda: read(platform).status == "Failed")
    assert url in read(platform).state["FailureReason"]


def test_delete_stops_instances_and_leaves_nothing(
    platform: Platform,
    controller: EndpointController,
    executor: FakeExecutor,
    routes: Routes,
    ready: set[str],
) -> None:
    endpoint = create(platform, count=2)
    both = in_service(platform, controller, ready, 2)
    platform.resources.change(endpoint.id, endpoints.request_delete)
    controller.reconcile()
    assert routes.now[endpoint.arn] == ()
    controller.reconcile()
    assert sorted(executor.terminated()) == sorted(int(i.process["pid"]) for i in both)
    for instance in both:
        executor.die(int(instance.process["pid"]))
    until(controller, lambda: not instances.folder(platform.home, endpoint.id).exists())
    with pytest.raises(NotFound):
        read(platform)
    assert not running(platform)


def test_instance_that_does_not_end_when_asked_is_killed(
    platform: Platform,
    controller: EndpointController,
    executor: FakeExecutor,
    ready: set[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(endpoint_controller, "DELETE_SECONDS", 0)
    endpoint = create(platform)
    in_service(platform, controller, ready)
    platform.resources.change(endpoint.id, endpoints.request_delete)
    until(controller, lambda: not running(platform))
    assert executor.killed


def test_new_server_takes_over_running_instances(
    platform: Platform, controller: EndpointController, executor: FakeExecutor, ready: set[str]
) -> None:
    endpoint = create(platform)
    in_service(platform, controller, ready)
    routes = Routes()
    successor = EndpointController(platform, executor, {}, routes)
    successor.reconcile()
    successor.close()
    assert len(executor.commands) == 1
    assert routes.now[endpoint.arn][0].sockets


def test_what_an_instance_prints_reaches_its_log_stream_once(
    platform: Platform, controller: EndpointController, ready: set[str]
) -> None:
    endpoint = create(platform)
    (instance,) = in_service(platform, controller, ready)
    path = instances.log_path(platform.home, endpoint.id, instance.id)
    for text in ("one\ntwo\nhal", "f\n", "ÿ\n"):
        with path.open("a") as file:
            file.write(text)
        controller.reconcile()
    (stream,) = platform.logs.streams(REGION, f"{endpoints.LOG_GROUP}/e")
    lines = [event.message for event in platform.logs.events([stream.id], Window(), 100)]
    assert lines == ["one", "two", "half", "ÿ"]


@pytest.mark.parametrize("manifest", ["{}", "[1]", "no JSON", "\0"])
def test_foreign_manifest_is_left_to_the_instance(
    platform: Platform, controller: EndpointController, ready: set[str], manifest: str
) -> None:
    create(platform, manifest__json=manifest)
    in_service(platform, controller, ready)


def test_trouble_of_one_endpoint_is_not_that_of_the_others(
    platform: Platform, controller: EndpointController, ready: set[str]
) -> None:
    broken = platform.resources.create(
        endpoints.KIND, REGION, "broken", "arn:broken", status="Creating", request={}, state={}
    )
    create(platform)
    in_service(platform, controller, ready)
    assert broken.id < read(platform).id


def test_model_that_does_not_fit_on_the_disk_fails_the_endpoint(
    platform: Platform, controller: EndpointController, ready: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model_folders, "prepare", full)
    create(platform)
    until(controller, lambda: read(platform).status == "Failed")
    assert "No space left on device" in read(platform).state["FailureReason"]


def test_instance_that_cannot_be_written_down_is_ended(
    platform: Platform,
    controller: EndpointController,
    executor: FakeExecutor,
    ready: set[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> Any:
        raise OSError("disk full")

    create(platform)
    with monkeypatch.context() as patch:
        patch.setattr(type(platform.database), "write", refuse)
        until(controller, lambda: len(executor.commands) == 2)
        assert not executor.running
    in_service(platform, controller, ready)
    assert len(executor.running) == 1


def test_endpoint_deleted_while_its_model_is_unpacked_leaves_nothing(
    platform: Platform, controller: EndpointController, ready: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    going, go_on = threading.Event(), threading.Event()
    prepare = model_folders.prepare

    def slowly(*arguments: Any) -> None:
        going.set()
        go_on.wait(20)
        prepare(*arguments)

    monkeypatch.setattr(model_folders, "prepare", slowly)
    endpoint = create(platform)
    controller.reconcile()
    going.wait(20)
    platform.resources.change(endpoint.id, endpoints.request_delete)
    for _ in range(3):
        assert controller.reconcile()
    assert read(platform).status == "Deleting"
    go_on.set()
    until(controller, lambda: not platform.resources.exists(endpoint.id))
    controller.close()
    assert not list(platform.home.endpoints.iterdir())


def test_instance_that_ended_while_no_server_ran_does_not_fail_a_new_endpoint(
    platform: Platform, controller: EndpointController, executor: FakeExecutor, ready: set[str]
) -> None:
    create(platform)
    until(controller, lambda: running(platform))
    (before,) = running(platform)
    executor.die(int(before.process["pid"]))
    successor = EndpointController(platform, executor, {}, Routes())
    until(successor, lambda: running(platform) and running(platform)[0].id != before.id)
    in_service(platform, successor, ready)
    successor.close()


def test_instance_that_prints_without_end_is_read_piece_by_piece(
    platform: Platform, controller: EndpointController, ready: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instance_logs, "LARGEST_READ", 100)
    endpoint = create(platform)
    (instance,) = in_service(platform, controller, ready)
    instances.log_path(platform.home, endpoint.id, instance.id).write_text("line\n\n" * 50)
    assert controller.reconcile(), "there is more to read"
    (stream,) = platform.logs.streams(REGION, f"{endpoints.LOG_GROUP}/e")
    assert len(platform.logs.events([stream.id], Window(), 100)) == 16
    while controller.reconcile():
        pass
    assert [event.message for event in platform.logs.events([stream.id], Window(), 100)] == ["line"] * 50


def test_reason_is_the_last_line_of_even_a_huge_log(platform: Platform) -> None:
    endpoint = create(platform)
    instance = Instance(id="i-1", endpoint_id=endpoint.id, variant="AllTraffic")
    assert instance_logs.last_line(platform, endpoint, instance) == "it printed nothing"
    path = instances.log_path(platform.home, endpoint.id, instance.id)
    path.parent.mkdir()
    path.write_text("x" * 100_000 + "\nthe reason\n\n")
    assert instance_logs.last_line(platform, endpoint, instance) == "the reason"


def test_instance_that_a_killed_server_did_not_write_down_is_ended(
    platform: Platform, controller: EndpointController, ready: set[str]
) -> None:
    create(platform)
    in_service(platform, controller, ready)
    sockets = [platform.home.sockets / f"{name}.sock" for name in ("stray", "foreign")]
    sockets[1] = sockets[1].with_name("other") / sockets[1].name
    handles = [
        local.start(
            [sys.executable, "-c", "import time; time.sleep(60)", instances.MODULE, "--socket", str(socket)],
            env={},
            cwd=platform.home.path,
            log=platform.home.path / "log",
        )
        for socket in sockets
    ]
    try:
        real = EndpointController(platform, local, {}, Routes())
        real.sweep()
        real.close()
        assert [local.alive(handle) for handle in handles] == [False, True]
    finally:
        for handle in handles:
            local.kill_group(handle)


def test_instance_that_dies_again_and_again_is_started_ever_more_rarely(
    platform: Platform,
    controller: EndpointController,
    executor: FakeExecutor,
    ready: set[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    create(platform)
    in_service(platform, controller, ready)
    monkeypatch.setattr(fleet.time, "monotonic", lambda: now)
    monkeypatch.setattr(Preparations, "done", lambda *_: True)
    starts: list[float] = []
    for _ in range(2000):
        for pid in list(executor.running):
            starts.append(now)
            executor.die(pid)
        controller.reconcile()
        now += 0.05
    pauses = [round(after - before, 2) for before, after in pairwise(starts)]
    assert pauses[0] < 0.1 < pauses[2] < pauses[4]
    assert max(pauses) <= fleet.LONGEST_BACKOFF + 0.1
