"""Steps of an installation: commands whose output is a log, and which end at once when they are no longer wanted."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ironworks.training.lines import LineSplitter

Log = Callable[[str], None]
"""Takes one line. It may raise to break the installation off."""

Check = Callable[[], None]
"""Called several times a second while a step runs; it may raise to break the installation off."""

TICK = 0.1
"""Seconds between two calls of a check."""

PIP_INSTALL = ("-m", "pip", "install", "--no-input", "--progress-bar=off", "--disable-pip-version-check")
"""What an interpreter is given to install packages."""

_KEPT_LINES = 20


@dataclass(frozen=True)
class Ending:
    """How a step ended: its exit code, and the last lines that it printed."""

    code: int
    lines: Sequence[str]

    @property
    def reason(self) -> str:
        """The line that says why it failed: pip's last error, else the last of all."""
        errors = [line for line in self.lines if line.startswith("ERROR:")]
        return (errors or self.lines or ["it printed nothing."])[-1]


def run(
    command: Sequence[str],
    log: Log,
    check: Check,
    *,
    inherited: Sequence[int] = (),
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Ending:
    """Run a command to its end, each line of its output into the log. It is killed if `log` or `check` raises.

    Args:
        command: what to run; it reads nothing.
        log: takes its lines.
        check: is called meanwhile.
        inherited: file descriptors that it keeps open.
        cwd: where it runs; None is where this process does.
        env: all its variables; None are this process's own.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=inherited,
        cwd=cwd,
        env=env,
    )
    lines: list[str] = []
    with process, _killed(process):
        for line in _output(process, check):
            lines = [*lines[-_KEPT_LINES:], line]
            log(line)
    return Ending(process.returncode, lines)


def _output(process: subprocess.Popen[bytes], check: Check) -> Iterator[str]:
    """Its lines, with a check now and then while it is silent."""
    assert process.stdout is not None
    splitter = LineSplitter()
    while True:
        check()
        if not select.select([process.stdout], [], [], TICK)[0]:
            continue
        data = os.read(process.stdout.fileno(), 65536)
        if not data:
            yield from splitter.finish()
            return
        yield from splitter.feed(data)


@contextlib.contextmanager
def _killed(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End the process if the block is left by an exception."""
    try:
        yield
    except BaseException:
        process.kill()
        raise
