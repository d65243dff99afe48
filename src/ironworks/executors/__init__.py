"""Where our processes run: job agents and endpoint instances, which outlive the server that starts them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Handle:
    """Names one process for good: a process number may come again, but not with the same start.

    Attributes:
        pid: the process, which also leads a process group of this number.
        started: when the process was made, in Unix seconds as the system counts them.
    """

    pid: int
    started: float

    def to_dict(self) -> dict[str, float]:
        """Plain numbers, for JSON."""
        return {"pid": self.pid, "started": self.started}

    @classmethod
    def from_dict(cls, record: Mapping[str, float]) -> Handle:
        """What `to_dict` gave."""
        return cls(pid=int(record["pid"]), started=float(record["started"]))


class Executor(Protocol):
    """Starts processes and ends them; the module `ironworks.executors.local` is one."""

    def start(self, command: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path) -> Handle:
        """Start a process that lives on when we end; what it prints is appended to `log`."""

    def alive(self, handle: Handle) -> bool:
        """Whether the process still runs."""

    def descriptor(self, handle: Handle) -> int | None:
        """A file descriptor that can be read from when the process ends; None where that cannot be had.

        The caller closes it.
        """

    def signal(self, handle: Handle, signum: int) -> bool:
        """Send a signal to the process alone; whether there was one to send it to."""

    def kill_group(self, handle: Handle) -> None:
        """End the process and everything that it started, at once."""
