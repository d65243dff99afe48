from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ironworks.home import Home
from ironworks.server.process import start_in_background, stop

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def installation(folder: Path, patch: pytest.MonkeyPatch, start: bool) -> Iterator[Home]:
    """An installation that the environment names; a server that is left on it is ended."""
    for name in [name for name in os.environ if name.startswith(("IRONWORKS_", "AWS_"))]:
        patch.delenv(name)
    patch.setenv("IRONWORKS_HOME", str(folder / "home"))
    patch.setenv("SHELL", "/bin/bash")
    found = Home.from_environment()
    if start:
        start_in_background(found, "127.0.0.1", 0)
    yield found
    stop(found)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """An installation of the test's own, that no server runs on yet."""
    yield from installation(tmp_path, monkeypatch, start=False)


@pytest.fixture
def ironworks(home: Home) -> Run:
    """Runs the command line as a process of its own."""

    def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ironworks.cli", *arguments],
            env={**os.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run
