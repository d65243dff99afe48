"""The servers that one would pick instead: how each is started."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.compiler.environment import cache
from benchmarks.serving.peers import environment
from benchmarks.serving.peers.model import SHAPES, Prepared
from benchmarks.serving.peers.serving import Peer, Serving

from ironworks.bench import flask
from ironworks.bench.connection import Destination, post
from ironworks.bench.endpoint import ACCEPT
from ironworks.bench.process import memory, served

_APPS = Path(__file__).with_name("apps")
_START_SECONDS = 90.0


def peers() -> list[Peer]:
    """All of them."""
    two = {"PEER_WORKERS": "2"}
    threads = "2 workers of 4 threads, connections kept"
    bento = ("-m", "bentoml", "serve", "bentoml_app:Digits", "--working-dir", str(_APPS), "--port", "{port}")
    return [
        _flask("flask", flask.WERKZEUG, "a thread a connection, HTTP/1.1"),
        _flask("gunicorn", flask.GUNICORN, threads),
        _peer("fastapi", "FastAPI", "asgi", ["fastapi_app.py"], "uvicorn, uvloop, httptools"),
        _peer("fastapi2", "FastAPI, 2 workers", "asgi", ["fastapi_app.py"], "the same", environ=two),
        _peer("asgi", "raw ASGI", "asgi", ["raw_asgi.py"], "uvicorn, uvloop, httptools"),
        _peer("asgi2", "raw ASGI, 2 workers", "asgi", ["raw_asgi.py"], "the same", environ=two),
        _peer("litserve", "LitServe", "litserve", ["litserve_app.py"], "1 worker, 1 API server"),
        _peer("bentoml", "BentoML", "bentoml", bento, "1 worker, no access log, no metrics", raw=True),
        _peer("mlserver", "MLServer", "mlserver", ["mlserver_app.py"], "a custom handler, in one process"),
        _peer("ray", "Ray Serve", "ray", ["ray_app.py"], "1 replica, no access log"),
        _peer(
            "torchserve",
            "TorchServe",
            "torchserve",
            ["torchserve_app.py"],
            "1 worker, a custom handler",
            path="/predictions/digits",
        ),
    ]


def _peer(
    key: str,
    name: str,
    packages: str,
    command: Sequence[str],
    how: str,
    *,
    path: str = "/invocations",
    environ: Mapping[str, str] | None = None,
    raw: bool = False,
) -> Peer:
    """A peer with ONNX Runtime. `raw`: it takes npy as bytes without a name only."""
    serve = partial(_serve, name, packages, command, path, environ or {}, raw)
    return Peer(key, f"{name} + ONNX Runtime", how, serve, versions=environment.versions(packages))


@contextmanager
def _serve(
    name: str,
    packages: str,
    command: Sequence[str],
    path: str,
    environ: Mapping[str, str],
    raw: bool,
    model: Prepared,
    kind: str,
) -> Iterator[Serving]:
    python = environment.prepare(packages)
    payload, port = model.payloads[kind], _free_port()
    sent_as = "application/octet-stream" if raw and kind == "npy" else payload.content_type
    request = post(path, f"127.0.0.1:{port}", {"Content-Type": sent_as, "Accept": ACCEPT}, payload.body)
    destination = Destination(("127.0.0.1", port), request)
    variables = {
        **{key: os.environ[key] for key in ("PATH", "HOME", "LANG", "JAVA_HOME") if key in os.environ},
        "PYTHONPATH": str(_APPS),
        "PEER_MODEL": str(model.onnx),
        "PEER_PORT": str(port),
        "PEER_CONTENT_TYPE": payload.content_type,
        "OMP_NUM_THREADS": "1",
        # Some report to their makers how they are used.
        "BENTOML_DO_NOT_TRACK": "True",
        "RAY_USAGE_STATS_ENABLED": "0",
        **environ,
    }
    first, *rest = (word.format(port=port) for word in command)
    program = str(_APPS / first) if first.endswith(".py") else first
    # A short path, because Ray puts sockets below it.
    with (
        tempfile.TemporaryDirectory(prefix="iwb-", dir="/tmp", ignore_cleanup_errors=True) as folder,
        served(
            name,
            [str(python), program, *rest],
            destination,
            environ=variables,
            cwd=Path(folder),
            seconds=_START_SECONDS,
        ) as process,
    ):
        yield Serving(lambda: destination, lambda: memory(process))


def _flask(key: str, server: str, how: str) -> Peer:
    return Peer(key, server, how, partial(_serve_flask, server), versions=flask.VERSIONS)


@contextmanager
def _serve_flask(server: str, model: Prepared, kind: str) -> Iterator[Serving]:
    python = flask.prepare(cache() / "environments", lambda _line: None)
    with flask.flask(server, python, model.checkpoint, SHAPES, model.payloads[kind]) as (
        destination,
        process,
    ):
        yield Serving(lambda: destination, lambda: memory(process))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
