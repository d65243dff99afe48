"""Runs libraries against each other: a process each, in turn, many rounds."""

from __future__ import annotations

import statistics
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

_PROGRAM = Path(__file__).with_name("rivals.py")


@dataclass(frozen=True)
class Runner:
    """A library: the Python that has it, and the file that it loads."""

    library: str
    python: Path
    model: Path


@dataclass(frozen=True)
class Result:
    """The median seconds of a call, or why there are none; and the `largest` element of the answer."""

    seconds: float | None
    largest: float | None
    reason: str = ""


def race(runners: Sequence[Runner], threads: int, rounds: int, seconds: float) -> Mapping[str, Result]:
    """The result of each library; each round lets every one of them run for about `seconds`."""
    with ExitStack() as stack:
        entries = {runner.library: stack.enter_context(_Process(runner, threads)) for runner in runners}
        running = [entry for entry in entries.values() if entry.reason is None]
        for _ in range(rounds):
            for entry in running:
                entry.run(seconds)
        return {name: entry.result() for name, entry in entries.items()}


class _Process:
    """One library at work."""

    def __init__(self, runner: Runner, threads: int) -> None:
        command = [runner.python, _PROGRAM, runner.library, runner.model, threads]
        self._process = subprocess.Popen(
            list(map(str, command)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
        )
        self._times: list[float] = []
        state, _, rest = self._answer().partition(" ")
        self.reason = None if state == "ready" else rest or "its process ended"
        self._largest = float(rest) if state == "ready" else None

    def __enter__(self) -> _Process:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def run(self, seconds: float) -> None:
        """Let it run for about `seconds`."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{seconds}\n")
        self._times.append(float(self._answer()))

    def result(self) -> Result:
        """What it has shown."""
        if self.reason is not None:
            return Result(None, None, self.reason)
        return Result(statistics.median(self._times), self._largest)

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()
