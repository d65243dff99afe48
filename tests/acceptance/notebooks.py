"""A real Jupyter server with a kernel of this Python, and pages of it in a headless browser."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.request import urlopen

from tests.acceptance.interpreters import interpreter

SOURCE = Path(__file__).parents[2] / "src"
_CELL = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}


def write_notebook(path: Path, cells: Sequence[str]) -> None:
    """A notebook of code cells."""
    content = {
        "cells": [_CELL | {"id": f"cell-{number}", "source": source} for number, source in enumerate(cells)],
        "metadata": {"kernelspec": {"name": "ironworks", "display_name": "Ironworks", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(content))


@contextlib.contextmanager
def jupyter(folder: Path) -> Iterator[str]:
    """JupyterLab, Notebook 7 and the classic notebook on the notebooks in `folder`; gives their address."""
    python = interpreter("jupyter")
    _write_kernel(folder / "share" / "kernels" / "ironworks", python)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environ = {
        **os.environ,
        "JUPYTER_PATH": str(folder / "share"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "IPYTHONDIR": str(folder / "ipython"),
    }
    options = [
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        "--IdentityProvider.token=",
        "--allow-root",
    ]
    with (folder / "jupyter.log").open("w") as log:
        server = subprocess.Popen(
            [python, "-m", "jupyterlab", "--no-browser", *options],
            cwd=folder, env=environ, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            _wait(server, f"http://127.0.0.1:{port}/api", folder / "jupyter.log")
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(30)


def _write_kernel(folder: Path, python: Path) -> None:
    """A kernel in Jupyter's environment that finds this package and what it needs in the one that runs the tests."""
    folder.mkdir(parents=True)
    paths = [str(SOURCE), *(path for path in sys.path if path.endswith("site-packages"))]
    specification = {
        "argv": [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Ironworks",
        "language": "python",
        "env": {"PYTHONPATH": os.pathsep.join(dict.fromkeys([*paths, sysconfig.get_path("purelib")]))},
    }
    (folder / "kernel.json").write_text(json.dumps(specification))


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        assert server.poll() is None and time.monotonic() < deadline, log.read_text()
        try:
            urlopen(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)


def browser_path() -> str:
    """Chromium, as the system has it."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert path, "The tests need Chromium: apt-get install chromium"
    return path
