"""Processes on this machine: they outlive us, are told apart for good, and leave nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from ironworks.errors import PlatformError
from ironworks.executors import Executor, Handle, local

ENV = {"PATH": os.environ["PATH"]}


def wait_for(condition: Callable[[], object], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.01)


@pytest.fixture
def python(tmp_path: Path) -> Iterator[Callable[[str], Handle]]:
    handles: list[Handle] = []

    def start(source: str) -> Handle:
        handles.append(
            local.start([sys.executable, "-u", "-c", source], env=ENV, cwd=tmp_path, log=tmp_path / "log")
        )
        return handles[-1]

    yield start
    for handle in handles:
        local.kill_group(handle)


def test_the_module_is_an_executor() -> None:
    executor: Executor = local
    assert executor is local


def test_output_of_both_kinds_is_appended_to_the_log(python: Callable[[str], Handle], tmp_path: Path) -> None:
    (tmp_path / "log").write_text("before\n")
    handle = python("import sys; print('out'); print('err', file=sys.stderr)")
    wait_for(lambda: not local.alive(handle))
    assert (tmp_path / "log").read_text().split() == ["before", "out", "err"]


def test_a_process_has_its_own_session_folder_and_no_input(
    python: Callable[[str], Handle], tmp_path: Path
) -> None:
    handle = python("import os, sys; print(os.getsid(0) == os.getpid(), os.getcwd(), repr(sys.stdin.read()))")
    wait_for(lambda: not local.alive(handle))
    assert (tmp_path / "log").read_text().split() == ["True", str(tmp_path), "''"]


def test_a_process_inherits_no_open_file(python: Callable[[str], Handle], tmp_path: Path) -> None:
    with (tmp_path / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        handle = python(f"import os; print(os.path.exists('/proc/self/fd/{file.fileno()}'))")
        wait_for(lambda: not local.alive(handle))
    assert (tmp_path / "log").read_text() == "False\n"


def test_a_child_that_ended_is_reaped(python: Callable[[str], Handle]) -> None:
    handle = python("pass")
    wait_for(lambda: not local.alive(handle))
    assert not psutil.pid_exists(handle.pid)


def test_another_start_time_is_another_process(python: Callable[[str], Handle]) -> None:
    handle = python("import time; time.sleep(60)")
    reused = Handle(handle.pid, handle.started - 60)
    assert not local.alive(reused)
    assert not local.signal(reused, signal.SIGKILL)
    assert local.alive(handle)


def test_a_corrected_clock_does_not_lose_the_process(python: Callable[[str], Handle]) -> None:
    handle = python("import time; time.sleep(60)")
    assert local.alive(Handle(handle.pid, handle.started + 1))


def test_a_handle_survives_json(python: Callable[[str], Handle]) -> None:
    handle = python("import time; time.sleep(60)")
    again = Handle.from_dict(json.loads(json.dumps(handle.to_dict())))
    assert again == handle
    assert local.alive(again)


def test_a_signal_reaches_the_process(python: Callable[[str], Handle], tmp_path: Path) -> None:
    handle = python(
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('term')))\n"
        "print('ready'); time.sleep(60)"
    )
    wait_for(lambda: "ready" in (tmp_path / "log").read_text())
    assert local.signal(handle, signal.SIGTERM)
    wait_for(lambda: not local.alive(handle))
    assert "term" in (tmp_path / "log").read_text()
    assert not local.signal(handle, signal.SIGTERM)


SPAWN = (
    "import subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session={})\n"
    "print(child.pid)\n"
)


@pytest.mark.parametrize("own_session", [False, True])
def test_descendants_are_killed_with_the_group(
    python: Callable[[str], Handle], tmp_path: Path, own_session: bool
) -> None:
    handle = python(SPAWN.format(own_session) + "time.sleep(60)")
    wait_for(lambda: (tmp_path / "log").read_text())
    local.kill_group(handle)
    child = int((tmp_path / "log").read_text())
    wait_for(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE)
    assert not local.alive(handle)


def test_what_is_left_of_an_ended_process_group_is_killed(
    python: Callable[[str], Handle], tmp_path: Path
) -> None:
    handle = python(SPAWN.format(False) + "import os; os._exit(0)")
    wait_for(lambda: not local.alive(handle))
    local.kill_group(handle)
    child = int((tmp_path / "log").read_text())
    wait_for(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE)


def test_a_process_outlives_the_one_that_started_it(tmp_path: Path) -> None:
    source = (
        "import json, pathlib, sys\n"
        "from ironworks.executors import local\n"
        "handle = local.start([sys.executable, '-c', 'import time; time.sleep(60)'], env={}, "
        "cwd=pathlib.Path('.'), log=pathlib.Path('log'))\n"
        "print(json.dumps(handle.to_dict()))"
    )
    printed = subprocess.check_output([sys.executable, "-c", source], cwd=tmp_path)
    handle = Handle.from_dict(json.loads(printed))
    assert local.alive(handle)
    local.kill_group(handle)
    wait_for(lambda: not local.alive(handle))


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match="/no/such/program could not be started"):
        local.start(["/no/such/program"], env=ENV, cwd=tmp_path, log=tmp_path / "log")


def test_a_variable_that_the_system_cannot_take_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match="null byte"):
        local.start(["true"], env={"A": "x\0y"}, cwd=tmp_path, log=tmp_path / "log")
