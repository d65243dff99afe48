"""A server as a child process, for as long as it is measured."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from ironworks.bench.connection import Destination
from ironworks.bench.load import closed_loop
from ironworks.errors import ClientError, PlatformError
from ironworks.training import supervisor

_LOG_LINES = 8
_PATIENCE = 2.0
"""Seconds for the answer to one attempt."""


@contextmanager
def served(
    name: str,
    command: Sequence[str],
    destination: Destination,
    *,
    environ: Mapping[str, str],
    cwd: Path,
    seconds: float,
    pass_fds: Sequence[int] = (),
) -> Iterator[psutil.Process]:
    """Run a server until the block is left; it answers a request with 200 when the block is entered.

    It and all that it started end with the block, and should we be killed, with us.

    Raises:
        PlatformError: it ended, or did not answer within `seconds`; the message has the end of what it printed.
    """
    wrapped = [sys.executable, "-I", "-S", supervisor.__file__, *command]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            wrapped,
            env=dict(environ),
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=pass_fds,
        )
        with process:
            assert process.stdin is not None
            try:
                for descriptor in pass_fds:  # a listener of ours would keep clients waiting for a dead server
                    os.close(descriptor)
                failure = _wait(process, destination, time.monotonic() + seconds)
                if failure:
                    raise PlatformError(f"{name} {failure}. It printed last: {_tail(log.fileno())}")
                yield psutil.Process(process.pid)
            finally:
                process.stdin.close()  # the supervisor ends everything


def memory(process: psutil.Process) -> int:
    """Resident bytes of a server's processes together, without the supervisor's."""
    return sum(child.memory_info().rss for child in process.children(recursive=True))


def _wait(process: subprocess.Popen[bytes], destination: Destination, deadline: float) -> str:
    """What went wrong, empty if it answers."""
    said = "did not answer in time"
    while time.monotonic() < deadline:
        if process.poll() is not None:
            return f"ended with exit code {process.returncode} before it answered"
        try:
            sample = closed_loop(destination, 1, 1, timeout=_PATIENCE)
        except ClientError:
            time.sleep(0.05)
            continue
        if not sample.errors:
            return ""
        said = f"did not answer in time ({', '.join(sample.errors)}: {sample.example})"
        time.sleep(0.05)
    return said


def _tail(log: int) -> str:
    size = os.fstat(log).st_size
    text = os.pread(log, 4096, max(0, size - 4096)).decode(errors="replace")
    return " / ".join(text.split("\n")[-_LOG_LINES - 1 :]).strip(" /") or "nothing"
