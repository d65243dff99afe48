"""The server as a process, seen from outside: which runs on a home, starting one, stopping it."""

from __future__ import annotations

import contextlib
import errno
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from ironworks.errors import ClientError, PlatformError
from ironworks.home import Home

HEALTH_PATH = "/_ironworks/health"
COMMAND = (sys.executable, "-m", "ironworks.application")
"""The module stands above this room: it puts the wire and the console together."""

_POLL = 0.02
_LOG_LINES = 15
_CREATE_TIME_TOLERANCE = 2.0
"""Seconds. The kernel gives a start relative to boot, whose wall-clock time moves when the clock is set."""


@dataclass(frozen=True)
class ServerRecord:
    """What runs on a home.

    Attributes:
        created: when the process was made, Unix seconds: with `pid` it names a process for good.
        started: when the server began to answer, Unix seconds.
    """

    pid: int
    created: float
    host: str
    port: int
    url: str
    started: float
    version: str


def running(home: Home) -> ServerRecord | None:
    """The server of `home`, if its process is alive. What a killed server left behind does not count."""
    try:
        record = ServerRecord(**json.loads(home.server_record.read_text()))
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
        return None
    return record if _process(record) is not None else None


def start_in_background(
    home: Home,
    host: str,
    port: int,
    timeout: float = 30.0,
    environ: Mapping[str, str] = os.environ,
    command: Sequence[str] = COMMAND,
) -> ServerRecord:
    """Start a server that outlives this process and its terminal; returns when it answers.

    Its output goes to `home.server_log`. `environ` is the environment that it and its jobs inherit.

    Raises:
        ClientError: the port cannot be listened on.
        PlatformError: the server ended, or did not answer within `timeout` seconds.
    """
    home.create()
    listen(host, port).close()
    with os.fdopen(os.open(home.server_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
        begin = log.tell()
        process = subprocess.Popen(
            [*command, host, str(port)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**environ, **_home_variables(home)},
        )
    try:
        record = _wait_until_answering(home, process, timeout, begin)
    except BaseException:
        process.kill()
        process.wait()
        raise
    process.returncode = 0  # or Popen would complain, when it is collected, that the process goes on
    return record


def stop(home: Home, timeout: float = 15.0) -> ServerRecord | None:
    """End the server of `home`, after `timeout` seconds by force. None if there is none.

    Raises:
        PlatformError: not even force ends it.
    """
    record = running(home)
    if record is not None and not (
        _end(record, signal.SIGTERM, timeout) or _end(record, signal.SIGKILL, timeout)
    ):
        raise PlatformError(f"The server (process {record.pid}) does not end, not even by force.")
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        home.server_record.unlink()
    return record


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Port 0 takes any free one.

    Raises:
        ClientError: the address is in use, or is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            message = f"Port {port} of {host} is in use{_owner(port)}. Choose another with --port."
        else:
            message = f"Nothing can listen on port {port} of {host}: {error.strerror}. See --host and --port."
        raise ClientError(message) from error


def _owner(port: int) -> str:
    """` by NAME (process PID)` for the process that listens on `port`, as far as this user may know."""
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and tuple(connection.laddr)[1:] == (port,)
            if listens and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        pass  # macOS shows other processes' sockets to root alone
    return ""


def _process(record: ServerRecord) -> psutil.Process | None:
    try:
        process = psutil.Process(record.pid)
        same = abs(process.create_time() - record.created) <= _CREATE_TIME_TOLERANCE
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.NoSuchProcess, psutil.AccessDenied):  # denied: another user's, so not the one recorded
        return None


def _end(record: ServerRecord, number: signal.Signals, timeout: float) -> bool:
    """Send a signal and wait; whether the process has ended.

    One that has is not waited for until its parent takes notice: in a container that may be never.
    """
    deadline = time.monotonic() + timeout
    process = _process(record)
    if process is None:
        return True
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)
    while _process(record) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    with contextlib.suppress(psutil.TimeoutExpired):
        process.wait(0)  # takes notice, if the parent is this process
    return True


def _home_variables(home: Home) -> dict[str, str]:
    """The environment from which `Home.from_environment` makes this same home."""
    return {
        "IRONWORKS_HOME": str(home.path),
        "IRONWORKS_DATABASE_URL": home.database_url,
        "IRONWORKS_ENVIRONMENTS": str(home.environments),
        "IRONWORKS_DATASETS": str(home.datasets),
    }


def _wait_until_answering(
    home: Home, process: subprocess.Popen[bytes], timeout: float, log_begin: int
) -> ServerRecord:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        record = running(home)
        if record is not None and record.pid == process.pid and answers(record):
            return record
        if process.poll() is not None:
            raise PlatformError(
                f"The server ended at its start (exit code {process.returncode}). "
                f"{home.server_log} says:\n{_tail(home.server_log, log_begin)}"
            )
        time.sleep(_POLL)
    raise PlatformError(
        f"The server did not answer within {timeout:g} s and was stopped. "
        f"{home.server_log} says:\n{_tail(home.server_log, log_begin)}"
    )


def answers(record: ServerRecord, timeout: float = 5.0) -> bool:
    """Whether the server says that it is well."""
    connection = http.client.HTTPConnection(record.host, record.port, timeout=timeout)
    try:
        connection.request("GET", HEALTH_PATH)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _tail(log: Path, begin: int) -> str:
    """The last lines that were written behind `begin`."""
    with log.open("rb") as file:
        file.seek(begin)
        lines = file.read().decode(errors="replace").splitlines()
    return "\n".join(lines[-_LOG_LINES:]) or "(nothing)"
