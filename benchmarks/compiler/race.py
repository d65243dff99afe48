"""Runs libraries against each other: a process each, in turn, many rounds."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import IO

from benchmarks.compiler import agreement
from benchmarks.compiler.environment import ROOT
from benchmarks.compiler.rivals import OURS

_FEWEST_ROUNDS = 3
_FAR_BEHIND = 1.5
"""Times the fastest: where a case takes long, one round of such a library is enough."""
_STARTING_AT_ONCE = 2


@dataclass(frozen=True)
class Runner:
    """A library: its name, where it is in `rivals`, the Python that has it, and the folder of the model."""

    library: str
    place: str
    python: Path
    folder: Path

    @property
    def work(self) -> Path:
        """A folder of its own."""
        return self.folder / "work" / self.library


@dataclass(frozen=True)
class Pace:
    """How long the libraries run.

    Attributes:
        rounds: of each library, or fewer (but 3, or 1 if it is far behind) once all have taken `case_seconds`.
        seconds: of each round.
        start_seconds: how long a library may take to convert, load and answer; one that takes longer is out,
            as is one whose round takes so long.
    """

    rounds: int = 15
    seconds: float = 0.05
    case_seconds: float = 30.0
    start_seconds: float = 240.0


@dataclass(frozen=True)
class Result:
    """How a library did.

    Attributes:
        seconds: median of a call; None if there is none, and `reason` says why.
        difference: the largest, from our answer, by the largest value of the output; None if not compared.
        reason: why it does not count; empty if it does.
    """

    seconds: float | None
    difference: float | None = None
    reason: str = ""

    @property
    def counts(self) -> bool:
        """Whether it ran and answered what we answer."""
        return self.seconds is not None and not self.reason


def race(runners: Sequence[Runner], threads: int, pace: Pace) -> Mapping[str, Result]:
    """The result of each library; each round lets every one of them run for about `pace.seconds`."""
    with ExitStack() as stack:
        with ThreadPoolExecutor(_STARTING_AT_ONCE) as pool:
            started = list(pool.map(lambda runner: _Process(runner, threads, pace), runners))
        processes = {process.runner.library: stack.enter_context(process) for process in started}
        _run_rounds(started, pace)
        ours = processes[OURS]
        answer = agreement.read(ours.answers) if not ours.reason else []
        return {name: process.result(answer) for name, process in processes.items()}


def _run_rounds(processes: Sequence[_Process], pace: Pace) -> None:
    end = monotonic() + pace.case_seconds
    for number in range(pace.rounds):
        running = [process for process in processes if not process.reason]
        if number and monotonic() > end:
            if number >= _FEWEST_ROUNDS:
                break
            fastest = min((process.seconds for process in running), default=0.0)
            running = [process for process in running if process.seconds <= _FAR_BEHIND * fastest]
        for process in running:
            process.run(pace.seconds)


class _Process:
    """One library at work."""

    def __init__(self, runner: Runner, threads: int, pace: Pace) -> None:
        self.runner = runner
        self.reason = ""
        self._pace = pace
        self._times: list[float] = []
        self._buffer = b""
        runner.work.mkdir(parents=True, exist_ok=True)
        module = ("-m", "benchmarks.compiler.rivals")
        arguments = [runner.python, *module, runner.place, runner.folder, runner.work, threads]
        self._process = subprocess.Popen(
            list(map(str, arguments)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            start_new_session=True,  # so that its converters end with it
        )
        answer = self._answer()
        if not self.reason and answer != "ready":
            self._leave(answer.removeprefix("none "))
        if self.reason:
            # What it has converted may be half a file.
            shutil.rmtree(runner.work, ignore_errors=True)

    def __enter__(self) -> _Process:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    @property
    def answers(self) -> Path:
        """The outputs that it has written."""
        return self.runner.work / "answers.npz"

    @property
    def seconds(self) -> float:
        """Median of a call so far."""
        return statistics.median(self._times)

    def run(self, seconds: float) -> None:
        """Let it run for about `seconds`."""
        stdin: IO[bytes] | None = self._process.stdin
        assert stdin is not None
        with contextlib.suppress(BrokenPipeError):  # the answer says that it has ended
            stdin.write(f"{seconds}\n".encode())
            stdin.flush()
        answer = self._answer()
        if not self.reason:
            self._times.append(float(answer))

    def result(self, ours: Sequence[object]) -> Result:
        """What it has shown, beside our outputs."""
        if self.reason:
            return Result(None, None, self.reason)
        difference = agreement.difference(ours, agreement.read(self.answers))  # type: ignore[arg-type]
        reason = "" if difference <= agreement.TOLERANCE else f"its answer differs by {difference:.1e}"
        return Result(self.seconds, difference, reason)

    def _answer(self) -> str:
        """The next line, without its end; where none comes, `reason` is set."""
        assert self._process.stdout is not None
        descriptor, end = self._process.stdout.fileno(), monotonic() + self._pace.start_seconds
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([descriptor], [], [], max(0.0, end - monotonic()))
            if not ready:
                self._leave(f"no answer within {self._pace.start_seconds:.0f} s")
                return ""
            part = os.read(descriptor, 65536)
            if not part:
                self._leave(f"its process ended with {self._process.wait()}")
                return ""
            self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode().strip()

    def _leave(self, reason: str) -> None:
        self.reason = reason
        self._end()

    def _end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()
