"""The host of a training job: runs one command after another under a supervisor, in the sandbox if there is one."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ironworks.errors import ClientError, PlatformError
from ironworks.training import sandbox, supervisor
from ironworks.training.layout import Layout
from ironworks.training.limits import Interruption, Limits
from ironworks.training.lines import PROGRESS_INTERVAL, JobLog, LineSplitter
from ironworks.training.sandbox import Sandbox

SUPERVISOR = Path(supervisor.__file__)
_TICK = 0.05
"""Seconds between two looks at the clock and at the wish to stop."""

_END = 5.0
"""Seconds that a killed supervisor gets to end everything below it."""


@dataclass(frozen=True)
class Ending:
    """How a command ended: its exit code (128 + N for signal N), and what cut it short, if anything."""

    code: int
    interruption: Interruption | None


@dataclass(frozen=True)
class Host:
    """Runs a job's commands.

    Attributes:
        layout: the job's tree; commands run in its code folder.
        sandbox: what isolates them; None if nothing does.
        variables: their whole environment.
        log: takes what they print.
        limits: what may end them early.
    """

    layout: Layout
    sandbox: Sandbox | None
    variables: Mapping[str, str]
    log: JobLog
    limits: Limits

    def run(self, command: Sequence[str]) -> Ending:
        """Run a command to its end, and hand on all that it prints before this returns.

        No process that it started is left afterwards.

        Raises:
            ClientError: its arguments and variables are more than the system takes.
            PlatformError: it could not be started.
        """
        process = self._start(command)
        try:
            interruption = self._follow(process)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_END)
        finally:
            _end(process)
            self.log.flush()
        if self.sandbox is not None and process.returncode == 1 and self.log.last.startswith("bwrap: "):
            if self.log.last.endswith(os.strerror(errno.E2BIG)):
                raise _not_started(command, self.log.last)
            raise PlatformError(f"The sandbox could not be set up: {self.log.last}")
        code = process.returncode
        return Ending(code if code >= 0 else 128 - code, interruption)

    def _start(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        # -I and -S: the job's PYTHONPATH and packages are for the command alone.
        words = [sys.executable, "-I", "-S", str(SUPERVISOR), *command]
        try:
            if self.sandbox is None:
                return self._popen(words, self.variables)
            # What makes the sandbox must not heed the job's own LD_PRELOAD: it stands outside.
            with sandbox.variables_file(self.variables) as file:
                wrapped = self.sandbox.wrap(words, self.layout.seen / "code", file)
                return self._popen(wrapped, {}, file)
        except OSError as error:
            raise _not_started(command, str(error)) from error

    def _popen(
        self, words: Sequence[str], variables: Mapping[str, str], *inherited: int
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            words,
            env=dict(variables),
            cwd=self.layout.code,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            bufsize=0,
            pass_fds=inherited,
        )

    def _follow(self, process: subprocess.Popen[bytes]) -> Interruption | None:
        """Read the output until it ends, and see to the limits meanwhile."""
        assert process.stdout is not None
        output = process.stdout.fileno()
        splitter = LineSplitter()
        stopping = _Stopping(process, self.limits)
        progress_at = 0.0
        while True:
            ready = bool(select.select([output], [], [], _TICK)[0])
            data = os.read(output, 65536) if ready else b""
            self.log.extend(splitter.feed(data))
            if time.monotonic() >= progress_at and (state := splitter.progress()):
                self.log.extend([state])
                progress_at = time.monotonic() + PROGRESS_INTERVAL
            self.log.flush_due()
            stopping.enforce()
            # With the supervisor killed, what it watched over may still hold the pipe.
            if not data and (ready or process.poll() is not None):
                self.log.extend(splitter.finish())
                return stopping.cause


def _not_started(command: Sequence[str], reason: str) -> ClientError:
    return ClientError(
        f"The command {command[0]} could not be started: {reason}. Its arguments and variables may be too long: "
        "pass large values in a channel."
    )


class _Stopping:
    """SIGTERM when a limit is reached, SIGKILL when the grace is over."""

    def __init__(self, process: subprocess.Popen[bytes], limits: Limits) -> None:
        self.cause: Interruption | None = None
        self._process = process
        self._limits = limits
        self._kill_at = float("inf")

    def enforce(self) -> None:
        line = self._process.stdin
        assert line is not None
        if self.cause is None:
            self.cause = self._limits.reached()
            if self.cause is not None:
                self._kill_at = time.monotonic() + self._limits.grace
                with contextlib.suppress(BrokenPipeError):
                    line.write(b"t")
        elif time.monotonic() >= self._kill_at:
            line.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what is left, at once: by the supervisor, and if that is gone, by its process group."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_END)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
