"""Processes on this machine."""

from __future__ import annotations

import contextlib
import os
import signal as signals
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from ironworks.errors import PlatformError
from ironworks.executors import Handle

CLOCK_TOLERANCE = 2.0
"""Seconds. The system derives the start of a process from its clock, which may have been corrected since."""

_children: dict[int, subprocess.Popen[bytes]] = {}
"""Processes that this one started and has not yet reaped."""


def start(command: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path) -> Handle:
    """Start `command` in a session of its own, so that it lives on when we end.

    It reads nothing, inherits no open file, and what it prints is appended to `log`.

    Raises:
        PlatformError: the program or the folder is not there or may not be used, or a variable is impossible.
    """
    try:
        with log.open("ab") as output:
            process = subprocess.Popen(
                list(command),
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except (OSError, ValueError) as error:  # ValueError: a variable that the system cannot take
        raise PlatformError(f"The process {command[0]} could not be started in {cwd}: {error}.") from error
    _children[process.pid] = process
    # Not yet reaped, so the record is there even if the process has already ended.
    return Handle(process.pid, psutil.Process(process.pid).create_time())


def alive(handle: Handle) -> bool:
    """Whether the process still runs. One that ended as our child is reaped."""
    process = _find(handle)
    try:
        return process is not None and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def descriptor(handle: Handle) -> int | None:
    """A file descriptor that can be read from when the process ends; None if it has ended already."""
    try:
        found = os.pidfd_open(handle.pid)
    except OSError:
        return None
    if not alive(handle):  # looked at afterwards: while it lives its number is nobody else's
        os.close(found)
        return None
    return found


def signal(handle: Handle, signum: int) -> bool:
    """Send a signal to the process alone; whether there was one to send it to."""
    process = _find(handle)
    if process is None:
        return False
    try:
        process.send_signal(signum)
    except psutil.NoSuchProcess:
        return False
    return True


def kill_group(handle: Handle) -> None:
    """End the process, its group and its descendants in other groups, at once.

    Of a process that has already ended, what is left of its group is ended.
    """
    process = _find(handle)
    descendants = process.children(recursive=True) if process else []
    # The number of a group is not given to a new process while the group has members: if a process
    # has it and is not ours, then ours has neither process nor group any more.
    if process is not None or not psutil.pid_exists(handle.pid):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(handle.pid, signals.SIGKILL)
    for descendant in descendants:
        with contextlib.suppress(psutil.NoSuchProcess):
            descendant.kill()
    if handle.pid in _children:
        _children.pop(handle.pid).wait()


def _find(handle: Handle) -> psutil.Process | None:
    """The process itself, or the zombie that it is until its parent reaps it."""
    child = _children.get(handle.pid)
    if child is not None and child.poll() is not None:
        del _children[handle.pid]
    try:
        process = psutil.Process(handle.pid)
        same = abs(process.create_time() - handle.started) < CLOCK_TOLERANCE
    except psutil.NoSuchProcess:
        return None
    return process if same else None
