"""Looking at processes that run, and at some that do not."""

from __future__ import annotations

import subprocess
import sys
import threading

import psutil
import pytest

from ironworks.control.platform import Platform
from ironworks.control.records import Resource
from ironworks.server.metrics import Metrics
from ironworks.server.metrics.processes import InstanceSampler, instance_uses
from tests.server.metrics.conftest import add_instance
from tests.server.running import wait_for


def test_an_instance_is_seen_with_its_memory_and_time(
    platform: Platform, endpoint: Resource, process: psutil.Process
) -> None:
    add_instance(platform, endpoint, process.pid, process.create_time())
    (use,) = instance_uses(platform)
    assert (use.arn, use.variant, use.id) == (endpoint.arn, "blue", "i-1")
    assert use.resident > 1_000_000 and use.cpu_seconds >= 0


def test_the_workers_of_an_instance_are_its_own(platform: Platform, endpoint: Resource) -> None:
    worker = "[sys.executable, '-c', 'print(flush=True); input()']"
    code = f"import subprocess, sys; sys.exit(subprocess.run({worker}).returncode)"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as instance:
        assert instance.stdout is not None
        instance.stdout.readline()
        parent = psutil.Process(instance.pid)
        (child,) = parent.children()
        add_instance(platform, endpoint, parent.pid, parent.create_time())
        (use,) = instance_uses(platform)
        assert use.resident == parent.memory_info().rss + child.memory_info().rss
        instance.communicate(b"\n")


def test_a_process_that_has_only_the_number_of_an_instance_is_not_looked_at(
    platform: Platform, endpoint: Resource, process: psutil.Process
) -> None:
    add_instance(platform, endpoint, process.pid, process.create_time() - 100, "i-1")
    add_instance(platform, endpoint, 2**22 + 1, 1.0, "i-2")
    assert instance_uses(platform) == []


def test_utilisation_is_what_was_used_between_two_looks(
    platform: Platform, endpoint: Resource, process: psutil.Process
) -> None:
    add_instance(platform, endpoint, process.pid, process.create_time())
    metrics = Metrics()
    sampler = InstanceSampler(platform, metrics)
    sampler.look()
    assert metrics.variants() == {}
    sampler.look()
    ((_, memory),) = metrics.series(
        endpoint.arn, "blue", "MemoryUtilization", 0, 2**40, 2**40 // 60 * 60, "Average"
    )
    assert memory == pytest.approx(100 * process.memory_info().rss / psutil.virtual_memory().total)
    ((_, cpu),) = metrics.series(
        endpoint.arn, "blue", "CPUUtilization", 0, 2**40, 2**40 // 60 * 60, "Average"
    )
    assert cpu >= 0


def test_looking_goes_on_after_a_failure_until_it_is_stopped(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looks = 0

    def look(_: InstanceSampler) -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise RuntimeError("the database is away")

    monkeypatch.setattr(InstanceSampler, "look", look)
    sampler = InstanceSampler(platform, Metrics(), interval=0.001)
    sampler.start()
    wait_for(lambda: looks > 2)
    sampler.stop()
    assert "the database is away" in caplog.text
    assert "metrics" not in [thread.name for thread in threading.enumerate()]
