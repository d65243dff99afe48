"""Starting, asking and stopping the processes that serve an endpoint."""

from __future__ import annotations

import http.client
import os
import secrets
import signal
import socket
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import psutil

from ironworks.control.plans import Variant
from ironworks.control.records import Instance
from ironworks.database import utc_now
from ironworks.executors import Executor, Handle
from ironworks.home import Home

MODULE = "ironworks.serving"
PING_SECONDS = 0.5
_HOST_VARIABLES = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONDONTWRITEBYTECODE")


def new_id() -> str:
    """`i-` and 17 hexadecimal digits."""
    return "i-" + secrets.token_hex(9)[:17]


def socket_path(home: Home, instance_id: str) -> Path:
    """Where an instance listens. The name is short because the path of a Unix socket must be."""
    return home.sockets / f"{instance_id[2:12]}.sock"


def folder(home: Home, endpoint_id: int) -> Path:
    """The models and logs of an endpoint."""
    return home.endpoints / str(endpoint_id)


def log_path(home: Home, endpoint_id: int, instance_id: str) -> Path:
    """What an instance prints."""
    return folder(home, endpoint_id) / f"{instance_id}.log"


def variant_folder(home: Home, endpoint_id: int, variant: Variant) -> Path:
    """What the instances of a variant share."""
    return folder(home, endpoint_id) / variant.folder


def model_folder(home: Home, endpoint_id: int, variant: Variant) -> Path:
    """The unpacked model of a variant."""
    return variant_folder(home, endpoint_id, variant) / "model"


def python_folder(home: Home, endpoint_id: int, variant: Variant) -> Path:
    """The virtual environment in which a variant is served, if it has one of its own."""
    return variant_folder(home, endpoint_id, variant) / "python"


def start(
    executor: Executor, home: Home, endpoint_id: int, variant: Variant, services: Mapping[str, str]
) -> Instance:
    """Start one instance of a variant whose folder is ready."""
    instance_id = new_id()
    model = model_folder(home, endpoint_id, variant)
    own = python_folder(home, endpoint_id, variant)
    python = own / "bin" / "python" if own.is_dir() else Path(sys.executable)
    host = {name: os.environ[name] for name in _HOST_VARIABLES if name in os.environ}
    handle = executor.start(
        [
            str(python), "-m", MODULE,
            "--model", str(model),
            *(["--listen", variant.address] if variant.address else []),
            "--socket", str(socket_path(home, instance_id)),
        ],
        env={**host, **services, **variant.environment, "PYTHONUNBUFFERED": "1"},
        cwd=model,
        log=log_path(home, endpoint_id, instance_id),
    )  # fmt: skip
    return Instance(
        id=instance_id,
        endpoint_id=endpoint_id,
        variant=variant.name,
        process=handle.to_dict(),
        ready=False,
        started_at=utc_now(),
        log_offset=0,
    )


def answers(home: Home, instance_id: str) -> bool:
    """Whether the instance answers `GET /ping` with 200."""
    path = socket_path(home, instance_id)
    if not path.exists():
        return False
    connection = _UnixConnection(path)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def stop(executor: Executor, instance: Instance) -> None:
    """Ask an instance to finish what it is answering and end."""
    executor.signal(Handle.from_dict(instance.process), signal.SIGTERM)


def kill(executor: Executor, home: Home, instance: Instance) -> None:
    """End an instance at once and remove its socket."""
    executor.kill_group(Handle.from_dict(instance.process))
    socket_path(home, instance.id).unlink(missing_ok=True)


def strays(home: Home, written_down: Collection[str]) -> Iterator[tuple[Handle, Path]]:
    """The instances of this home that run although they are not `written_down` (by id), and their sockets."""
    known = {socket_path(home, instance_id) for instance_id in written_down}
    for process in psutil.process_iter(["cmdline", "create_time"]):
        words = process.info["cmdline"] or [""]
        path = Path(words[-1])
        if MODULE in words and path.parent == home.sockets and path not in known:
            yield Handle(process.pid, process.info["create_time"]), path


def end_strays(executor: Executor, home: Home, written_down: Collection[str]) -> None:
    """End those instances at once."""
    for handle, path in strays(home, written_down):
        executor.kill_group(handle)
        path.unlink(missing_ok=True)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PING_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(PING_SECONDS)
        self.sock.connect(str(self._path))
