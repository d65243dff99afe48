"""Instances as real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

_PASSED_ON = ("PATH", "LD_PRELOAD", "ASAN_OPTIONS")
"""The last two are set by c/sanitized.sh."""


class Instance:
    """A running `python -m ironworks.serving`, and what it printed."""

    def __init__(self, model: Path, socket: Path, environment: dict[str, str], *arguments: str) -> None:
        self.socket = socket
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `close`
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "ironworks.serving",
                *arguments,
                "--model",
                str(model),
                "--socket",
                str(socket),
            ],
            env={**{name: os.environ[name] for name in _PASSED_ON if name in os.environ}, **environment},
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    def until_ready(self) -> Instance:
        """Wait until the socket is there."""
        wait_until(lambda: self.socket.exists() or self.process.poll() is not None)
        assert self.process.poll() is None, self.output
        return self

    @property
    def output(self) -> str:
        self._output.seek(0)
        return self._output.read().decode()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._output.close()


class Instances:
    """Starts instances whose sockets lie in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[Instance] = []

    def start(self, model: Path, *arguments: str, **environment: str) -> Instance:
        instance = Instance(model, self.folder / f"{len(self.started)}.sock", environment, *arguments)
        self.started.append(instance)
        return instance

    def close(self) -> None:
        for instance in self.started:
            instance.close()


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Poll `condition` until it holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
