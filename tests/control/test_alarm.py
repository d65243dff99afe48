"""What wakes the reconciler."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from ironworks.control.alarm import Alarm
from ironworks.executors import Handle, local

LONG = 20.0


@pytest.fixture
def alarm() -> Iterator[Alarm]:
    alarm = Alarm(local)
    yield alarm
    alarm.close()


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Callable[[], Handle]]:
    handles: list[Handle] = []

    def start() -> Handle:
        command = [sys.executable, "-c", "import time; time.sleep(60)"]
        handles.append(local.start(command, env={}, cwd=tmp_path, log=tmp_path / "log"))
        return handles[-1]

    yield start
    for handle in handles:
        local.kill_group(handle)


def woken(alarm: Alarm) -> bool:
    """Whether a long wait ends early."""
    began = time.monotonic()
    alarm.wait(LONG)
    return time.monotonic() - began < LONG


def test_a_call_ends_the_wait_that_is_under_way_or_the_next(alarm: Alarm) -> None:
    alarm.wake()
    alarm.wake()
    assert woken(alarm)
    caller = threading.Timer(0.05, alarm.wake)
    caller.start()
    assert woken(alarm)
    caller.join()
    began = time.monotonic()
    alarm.wait(0.05)
    assert time.monotonic() - began > 0.04, "both calls have been heard"


def test_the_end_of_a_process_ends_one_wait(alarm: Alarm, sleeper: Callable[[], Handle]) -> None:
    first, second = sleeper(), sleeper()
    alarm.watch({first, second})
    local.kill_group(first)
    assert woken(alarm)
    began = time.monotonic()
    alarm.wait(0.05)
    assert time.monotonic() - began > 0.04
    alarm.watch({second})
    local.kill_group(second)
    assert woken(alarm)


def test_a_process_that_is_not_watched_any_more_is_not_heard(
    alarm: Alarm, sleeper: Callable[[], Handle]
) -> None:
    handle = sleeper()
    alarm.watch({handle})
    alarm.watch(set())
    local.kill_group(handle)
    began = time.monotonic()
    alarm.wait(0.05)
    assert time.monotonic() - began > 0.04


def test_nothing_is_left_open(sleeper: Callable[[], Handle]) -> None:
    handle = sleeper()
    before = psutil.Process().num_fds()
    alarm = Alarm(local)
    alarm.watch({handle})
    alarm.close()
    alarm.wake()  # by whoever has not heard
    assert psutil.Process().num_fds() == before


def test_a_process_that_has_ended_has_no_descriptor(sleeper: Callable[[], Handle]) -> None:
    handle = sleeper()
    local.kill_group(handle)
    assert local.descriptor(handle) is None
    stranger = Handle(os.getpid(), 1.0)
    assert local.descriptor(stranger) is None
