"""An installation for a test: a home of its own, a server on it, and clients that know nothing but `ironworks env`."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import boto3
import psutil
from botocore.config import Config
from tests.acceptance.interpreters import CACHE, interpreter

IRONWORKS = Path(sys.executable).with_name("ironworks")
REGION = "us-west-2"
MNIST = Path(__file__).parents[2] / "examples" / "mnist"

Found = TypeVar("Found")


class Installation:
    """What is behind it is the installed program: nothing here reaches into the package."""

    def __init__(self) -> None:
        # The sockets in a home need a short path, which pytest's temporary folders are not.
        self.home = Path(tempfile.mkdtemp(prefix="iw-", dir="/tmp"))
        self.port = _free_port()
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "IRONWORKS_HOME": str(self.home),
            "IRONWORKS_ENVIRONMENTS": str(CACHE / "environments"),
            "IRONWORKS_DATASETS": str(CACHE / "datasets"),
        }

    def ironworks(self, *arguments: str) -> str:
        """What the command prints. Raises AssertionError with all that it said when it fails."""
        ran = subprocess.run(
            [IRONWORKS, *arguments], env=self.environ, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, f"ironworks {' '.join(arguments)}: {ran.stdout}{ran.stderr}"
        return ran.stdout

    def up(self) -> None:
        """Start the server, on the same port every time."""
        self.ironworks("up", "--port", str(self.port))

    def kill_server(self) -> None:
        """End the server as a power cut would."""
        pid = json.loads((self.home / "server.json").read_text())["pid"]
        server = psutil.Process(pid)
        server.send_signal(signal.SIGKILL)
        server.wait(10)

    def remove(self) -> None:
        """Stop everything and delete the home."""
        try:
            self.ironworks("down", "--all")
        finally:
            shutil.rmtree(self.home)

    def processes(self, *words: str) -> list[psutil.Process]:
        """The living processes of this home whose command line has all of some words."""
        found = []
        for process in psutil.process_iter():
            try:
                command = " ".join(process.cmdline())
                mine = process.environ().get("IRONWORKS_HOME") == str(self.home) or str(self.home) in command
                alive = process.status() != psutil.STATUS_ZOMBIE
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
            if mine and alive and all(word in command for word in words):
                found.append(process)
        return found

    def client(self, service: str, **changes: Any) -> Any:
        """A boto3 client in this process, with what `ironworks env` exports. `changes` replace its arguments."""
        exported = self.client_environment
        arguments = {
            "endpoint_url": exported["AWS_ENDPOINT_URL"],
            "aws_access_key_id": exported["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": exported["AWS_SECRET_ACCESS_KEY"],
            "region_name": REGION,
            "config": Config(retries={"total_max_attempts": 1}),
        }
        return boto3.client(service, **{**arguments, **changes})

    @cached_property
    def client_environment(self) -> dict[str, str]:
        """All variables of a shell after `eval "$(ironworks env)"`. They stay the same for a home and a port."""
        ran = subprocess.run(
            self.shell("env", "-0"), env=self.environ, capture_output=True, text=True, check=True
        )
        return dict(line.split("=", 1) for line in ran.stdout.split("\0") if line)

    def shell(self, *command: str | Path) -> list[str]:
        """The command line that runs a command as a user does who has set up the shell."""
        setup = f'eval "$({IRONWORKS} env --shell bash)"; exec "$@"'
        return ["bash", "-ec", setup, "bash", *map(str, command)]

    def start(
        self, sdk: str, command: Sequence[str | Path], output: Path, region: str
    ) -> subprocess.Popen[bytes]:
        """Run a client in the example's folder with the pinned environment `sdk` on its PATH."""
        binaries = interpreter(sdk).parent
        environ = {
            **self.environ,
            "AWS_DEFAULT_REGION": region,
            "PATH": f"{binaries}:{os.environ['PATH']}",
            "PYTHONUNBUFFERED": "1",
        }
        environ.pop("PYTHONPATH", None)
        with output.open("wb") as log:
            return subprocess.Popen(
                self.shell(*command),
                cwd=MNIST,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )


def eventually(look: Callable[[], Found], what: str, seconds: float = 60.0) -> Found:
    """What `look` returns as soon as it is true. Raises AssertionError naming `what` was waited for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"Not within {seconds:g} s: {what}")


def final(
    describe: Callable[[], Mapping[str, Any]], member: str, seconds: float = 120.0
) -> Mapping[str, Any]:
    """The description of a job when its status is final."""

    def look() -> Mapping[str, Any] | None:
        description = describe()
        return description if description[member].upper() in ("COMPLETED", "FAILED", "STOPPED") else None

    found = eventually(look, f"{member} is final", seconds)
    assert found is not None
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
