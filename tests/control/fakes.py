"""An executor whose processes exist only as far as a test says, and a router that sends nothing."""

from __future__ import annotations

import signal as signals
from collections.abc import Mapping, Sequence
from pathlib import Path

from ironworks.control.routes import Route
from ironworks.executors import Handle


class FakeExecutor:
    """Remembers what was started and signalled; a test ends processes with `die`."""

    def __init__(self) -> None:
        self.commands: dict[int, list[str]] = {}
        self.environments: dict[int, dict[str, str]] = {}
        self.running: set[int] = set()
        self.signals: list[tuple[int, int]] = []
        self.killed: list[int] = []

    def start(self, command: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path) -> Handle:
        pid = 1000 + len(self.commands)
        self.commands[pid] = list(command)
        self.environments[pid] = dict(env)
        self.running.add(pid)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch()
        return Handle(pid, 1.0)

    def alive(self, handle: Handle) -> bool:
        return handle.pid in self.running

    def descriptor(self, handle: Handle) -> int | None:
        return None

    def signal(self, handle: Handle, signum: int) -> bool:
        self.signals.append((handle.pid, signum))
        return handle.pid in self.running

    def kill_group(self, handle: Handle) -> None:
        self.killed.append(handle.pid)
        self.running.discard(handle.pid)

    def die(self, pid: int) -> None:
        self.running.discard(pid)

    def terminated(self) -> list[int]:
        return [pid for pid, signum in self.signals if signum == signals.SIGTERM]


class Routes:
    """Remembers what was published."""

    def __init__(self) -> None:
        self.now: dict[str, tuple[Route, ...]] = {}

    def publish(self, arn: str, routes: Sequence[Route]) -> None:
        self.now[arn] = tuple(routes)
