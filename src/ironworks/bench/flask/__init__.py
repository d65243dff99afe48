"""The opponent: the original MXNet model in a Flask application, under Werkzeug and under gunicorn."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from ironworks.bench.connection import Destination, post
from ironworks.bench.endpoint import ACCEPT
from ironworks.bench.payload import Payload
from ironworks.bench.process import served
from ironworks.training import Environments
from ironworks.training.recipes import Recipe

RECIPE = Recipe(
    framework="flask",
    label="Flask and MXNet",
    version="3.1.3",
    requirements=(
        "flask==3.1.3",
        "gunicorn==27.0.1",
        "mxnet==1.9.1",
        "numpy==1.23.5",
        "setuptools<81",
        "werkzeug==3.1.9",
    ),
    pythons=((3, 11), (3, 10), (3, 9)),
    check="import flask, gunicorn, mxnet; mxnet.nd.ones(1).asnumpy()",
)
VERSIONS = {"Flask": "3.1.3", "Werkzeug": "3.1.9", "gunicorn": "27.0.1", "MXNet": "1.9.1"}
WERKZEUG = "Flask (Werkzeug)"
GUNICORN = "Flask (gunicorn)"
_HERE = Path(__file__).parent
_START_SECONDS = 60.0


def prepare(environments: Path, log: Callable[[str], None]) -> Path:
    """The interpreter that has Flask and MXNet, installed at the first call.

    Raises:
        PlatformError: it cannot be installed; `log` has been given why.
    """
    return Environments(environments).make(RECIPE, log).python


@contextmanager
def flask(
    server: str, python: Path, model: Path, shapes: Mapping[str, Sequence[int]], payload: Payload
) -> Iterator[tuple[Destination, psutil.Process]]:
    """Serve a checkpoint until the block is left; where requests go.

    Args:
        server: `WERKZEUG` or `GUNICORN`.
        model: the folder of the checkpoint.
        shapes: of the one input.

    Raises:
        PlatformError: the server did not start.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        port = listener.getsockname()[1]
        descriptor = listener.detach()
    headers = {"Content-Type": payload.content_type, "Accept": ACCEPT}
    request = post("/invocations", f"127.0.0.1:{port}", headers, payload.body)
    destination = Destination(("127.0.0.1", port), request)
    environ = {
        **{name: os.environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH") if name in os.environ},
        "IRONWORKS_BENCH_MODEL": str(model),
        "IRONWORKS_BENCH_SHAPES": json.dumps({name: list(shape) for name, shape in shapes.items()}),
        # Two workers fit two cores; a model of this size only loses by threads.
        "OMP_NUM_THREADS": "1",
        "MXNET_CPU_WORKER_NTHREADS": "1",
    }
    command = _command(server, python, descriptor)
    with served(
        server,
        command,
        destination,
        environ=environ,
        cwd=_HERE,
        seconds=_START_SECONDS,
        pass_fds=[descriptor],
    ) as process:
        yield destination, process


def _command(server: str, python: Path, descriptor: int) -> list[str]:
    if server == WERKZEUG:
        return [str(python), str(_HERE / "app.py"), str(descriptor)]
    workers = min(2, os.cpu_count() or 1)
    options = ["--worker-class", "gthread", "--threads", "4", "--keep-alive", "75", "--log-level", "warning"]
    bind = ["--bind", f"fd://{descriptor}", "--workers", str(workers)]
    return [str(python), "-m", "gunicorn", *bind, *options, "app:create()"]
