"""The ways for a request to reach the same model and functions, and back: `python -m benchmarks.serving.paths`.

Each server answers at a port of the loopback; a client in C measures them in turn, round after round, and the table
has the medians of the rounds. What differs between the rows is only who speaks HTTP. Granian comes from an environment
of its own below `IRONWORKS_CACHE`; the row is left out where it cannot be installed.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
from benchmarks.serving.pool import HOOKS, LAYERS, NUMPY_BINARY, payloads, write_model
from rich.console import Console
from rich.table import Table

import ironworks

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "benchmark"
GRANIAN = ("granian==2.8.7", "uvloop==0.22.1", "numpy", "orjson")


def compiled(
    folder: Path, *, hooks: bool = False, layers: Sequence[int] = LAYERS, batch_sizes: Sequence[int] = ()
) -> Path:
    """The folder of a compiled perceptron, with the notebook's hooks or with none."""
    write_model(folder, layers, any_rows=bool(batch_sizes))
    shapes = None if batch_sizes else {"data": [1, layers[0]]}
    ironworks.compile(
        folder / "model.onnx", shapes, output=folder / "model.tar.gz", batch_sizes=tuple(batch_sizes)
    )
    model = folder / "model"
    with tarfile.open(folder / "model.tar.gz") as archive:
        archive.extractall(model, filter="data")
    if hooks:
        (model / "code").mkdir()
        (model / "code" / "inference.py").write_text(HOOKS)
    return model


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def granian_python() -> Path | None:
    """The Python of Granian's environment, which is made at the first call."""
    cache = Path(os.environ.get("IRONWORKS_CACHE", ROOT / ".cache"))
    python = cache / "environments" / "benchmarks-serving-granian" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(python.parents[1])], check=True)
        pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check", *GRANIAN]
        if subprocess.run(pip, check=False).returncode:
            return None
    return python


def commands(model: Path, folder: Path) -> dict[str, tuple[list[str], int]]:
    """How each server is started, and its port."""
    ports = [free_port() for _ in range(4)]
    native = ["-m", "ironworks.serving", "--listen", f"127.0.0.1:{ports[0]}"]
    found = {
        "ironworks": [sys.executable, *native, "--model", str(model), "--socket", str(folder / "s")],
    }
    pythons = {"httptools": sys.executable, "uvicorn": sys.executable, "granian": granian_python()}
    for port, (way, python) in zip(ports[1:], pythons.items(), strict=True):
        if python is not None:
            found[way] = [str(python), "-m", "benchmarks.serving.paths_servers", way, str(model), str(port)]
    return {way: (command, port) for port, (way, command) in zip(ports, found.items(), strict=False)}


@contextmanager
def running(
    command: list[str], port: int, settings: Mapping[str, str] | None = None
) -> Iterator[psutil.Process]:
    """A server that answers at `port`."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
        "IRONWORKS_DIRECT_TOKEN": TOKEN,
        "OPENBLAS_NUM_THREADS": "1",
        **(settings or {}),
    }
    process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                if process.poll() is not None:
                    raise SystemExit(f"{' '.join(command)} did not start.") from None
                time.sleep(0.01)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(10)


def request(folder: Path) -> Path:
    """The file of one request."""
    body = payloads()[NUMPY_BINARY]
    lines = [
        "POST /invocations HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {TOKEN}",
        f"Content-Type: {NUMPY_BINARY}", "Accept: application/json", f"Content-Length: {len(body)}", "", "",
    ]  # fmt: skip
    path = folder / "request"
    path.write_bytes("\r\n".join(lines).encode() + body)
    return path


def client(folder: Path) -> Path:
    """The compiled client."""
    program = folder / "client"
    source = Path(__file__).with_name("paths_client.c")
    subprocess.run(["gcc", "-O2", str(source), "-o", str(program)], check=True)
    return program


def measure(program: Path, port: int, clients: int, seconds: float, file: Path) -> tuple[float, float, float]:
    """Requests a second, and the latency's 50th and 99th percentile in microseconds."""
    words = [str(program), str(port), str(clients), str(seconds), str(file)]
    found = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()
    rate, half, most, bad = map(float, found)
    if bad:
        raise SystemExit(f"{bad:.0f} answers were not 200.")
    return rate, half, most


def memory(process: psutil.Process) -> float:
    """MB that a server and its children hold."""
    return sum(it.memory_info().rss for it in (process, *process.children(recursive=True))) / 1e6


def compare(folder: Path, hooks: bool, counts: list[int], rounds: int, seconds: float) -> Table:
    """Measure all servers in turn."""
    title = "the notebook's hooks" if hooks else "built-in codecs"
    columns = [
        f"{count} client{'s' * (count > 1)}: {what}"
        for count in counts
        for what in ("p50 µs", "p99 µs", "1/s")
    ]
    table = Table("way", *columns, "MB", title=title)
    program, file = client(folder), request(folder)
    with ExitStack() as stack:
        servers = {
            way: (stack.enter_context(running(command, port)), port)
            for way, (command, port) in commands(compiled(folder, hooks=hooks), folder).items()
        }
        found: dict[tuple[str, int], list[tuple[float, float, float]]] = {}
        for _ in range(rounds):
            for count in counts:
                for way, (_, port) in servers.items():
                    found.setdefault((way, count), []).append(measure(program, port, count, seconds, file))
        for way, (process, _) in servers.items():
            cells = []
            for count in counts:
                rate, half, most = (
                    statistics.median(values) for values in zip(*found[way, count], strict=True)
                )
                cells += [f"{half:,.0f}", f"{most:,.0f}", f"{rate:,.0f}"]
            table.add_row(way, *cells, f"{memory(process):.0f}")
    return table


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", default="1,8,64", help="numbers of clients")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one measurement")
    options = parser.parse_args()
    counts = [int(count) for count in options.clients.split(",")]
    for hooks in (False, True):
        with tempfile.TemporaryDirectory(prefix="iw-") as folder:
            Console(width=160).print(compare(Path(folder), hooks, counts, options.rounds, options.seconds))


if __name__ == "__main__":
    main()
