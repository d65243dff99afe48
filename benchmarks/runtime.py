"""What the runtime costs on a fresh machine: `python -m benchmarks.runtime [--processes N] [--rounds N]`.

The notebook's network is compiled for one row, and for 1, 8 and 32 rows. Only `ironworks.runtime` is copied to a
folder with numpy; processes that see that folder and the standard library load and run the artifacts. These times are
medians over processes, numpy's own import not counted. The overhead of a call is its time in Python less the time of
the same code called in a loop in C, in turn with it; both are the least of the rounds, what a quiet machine takes.
Last, any number of rows on the artifact for several batch sizes against ONNX Runtime, whose graph leaves it open.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from benchmarks.compiler.zoo import ZOO
from rich.console import Console
from rich.table import Table

import ironworks
from ironworks.compiler.library import compile
from ironworks.runtime import CompiledModel, load
from ironworks.runtime.engines.by_ctypes import Function

_PACKAGE = Path(ironworks.__file__).parent
_KERNEL = Path(__file__).with_name("kernel.c")
_SIZES = [1, 8, 32]
_ROWS = [1, 2, 3, 5, 8, 12, 20, 32, 50, 100, 1000]
_ROUND_SECONDS = 0.002
_LOAD = """
import sys, time
sys.path.insert(0, {machine!r})
import numpy
start = time.perf_counter()
from ironworks.runtime import load
imported = time.perf_counter()
model = load(sys.argv[1])
loaded = time.perf_counter()
model.run(numpy.zeros((1, 784), numpy.float32))
ran = time.perf_counter()
import json
print(json.dumps([1e3 * (imported - start), 1e3 * (loaded - imported), 1e3 * (ran - loaded)]))
"""


def main() -> None:
    """Compile, copy, measure, print."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="ironworks-benchmark-") as name:
        folder = Path(name)
        archives = {"one row": folder / "one.tar.gz", "1, 8, 32 rows": folder / "several.tar.gz"}
        model = write_model(folder / "model.onnx")
        compile(model, {"x": [1, 784]}, output=archives["one row"])
        compile(model, output=archives["1, 8, 32 rows"], batch_sizes=_SIZES)
        machine = copy_runtime(folder / "machine")
        console = Console(width=120)
        console.print(_loading(archives, machine, arguments.processes))
        console.print(_calling(archives, folder, arguments.rounds))
        console.print(_rows(load(archives["1, 8, 32 rows"]), model, arguments.rounds))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=31, help="that load each artifact (default: 31)")
    parser.add_argument("--rounds", type=int, default=31, help="of each way to call (default: 31)")
    return parser.parse_args()


def write_model(path: Path) -> Path:
    """The notebook's network, with the number of rows left open and the input called x."""
    model = ZOO["MLP"](1)
    del model.graph.value_info[:]
    given = model.graph.input[0].name
    for node in model.graph.node:
        node.input[:] = ["x" if name == given else name for name in node.input]
    model.graph.input[0].name = "x"
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_param = "rows"
    onnx.save(model, path)
    return path


def copy_runtime(folder: Path) -> Path:
    """What a machine needs that only runs models: the runtime; numpy is linked."""
    (folder / "ironworks").mkdir(parents=True)
    shutil.copy(_PACKAGE / "__init__.py", folder / "ironworks")
    shutil.copytree(
        _PACKAGE / "runtime", folder / "ironworks" / "runtime", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("numpy", "numpy.libs"):
        found = Path(np.__file__).parents[1] / name
        if found.is_dir():
            (folder / name).symlink_to(found)
    return folder


def _loading(archives: dict[str, Path], machine: Path, processes: int) -> Table:
    runtime = sum(path.stat().st_size for path in (machine / "ironworks").rglob("*") if path.is_file())
    columns = ("import ms", "load ms", "both ms", "least", "first run ms", "artifact MB", "runtime MB")
    table = Table("artifact", *columns, box=None)
    for title, archive in archives.items():
        unpacked = archive.with_suffix("").with_suffix("")
        with tarfile.open(archive) as tar:
            tar.extractall(unpacked, filter="data")
        for path in (archive, unpacked):
            times = _load(path, machine, processes)
            imported, loaded, ran = (statistics.median(column) for column in zip(*times, strict=True))
            both = [first + second for first, second, _ in times]
            size = archive.stat().st_size / 1e6
            table.add_row(
                f"{title}, {'archive' if path is archive else 'folder'}",
                *(f"{figure:.1f}" for figure in (imported, loaded, statistics.median(both), min(both))),
                *(f"{figure:.2f}" for figure in (ran, size, runtime / 1e6)),
            )
    return table


def _load(path: Path, machine: Path, processes: int) -> list[list[float]]:
    """Milliseconds to import the runtime, to load the artifact, to run it for the first time, of each process."""
    command = [sys.executable, "-S", "-E", "-c", _LOAD.format(machine=str(machine)), str(path)]
    environment = {"PATH": os.environ["PATH"], "OPENBLAS_NUM_THREADS": "1"}
    return [
        json.loads(subprocess.run(command, check=True, capture_output=True, env=environment).stdout)
        for _ in range(processes + 1)
    ][1:]  # the first compiles Python's files


def _calling(archives: dict[str, Path], folder: Path, rounds: int) -> Table:
    loop = _compile_kernel(folder)
    table = Table("artifact", "rows", "kernel µs", "call", "µs", "over the kernel µs", box=None)
    for title, archive in archives.items():
        library = archive.with_suffix("").with_suffix("") / "model.so"
        model = load(archive)
        for number, rows in enumerate(model.batch_sizes or [1]):
            x = np.random.default_rng(0).random((rows, 784), np.float32)
            calls = _calls(model, library, number, x)
            result = np.empty((rows, 10), np.float32)
            arguments = (str(library).encode(), number, x.ctypes.data, result.ctypes.data)
            kernel, taken = _in_turn(lambda count, a=arguments: loop(*a, count), calls, rounds)
            for name, seconds in taken.items():
                table.add_row(
                    title, str(rows), f"{kernel * 1e6:.2f}", name, f"{seconds * 1e6:.2f}",
                    f"{(seconds - kernel) * 1e6:.2f}",
                )  # fmt: skip
    return table


def _calls(
    model: CompiledModel, library: Path, number: int, x: np.ndarray
) -> dict[str, Callable[[], object]]:
    """Ways to run a contiguous array of float32."""
    out = [np.empty((len(x), 10), np.float32)]
    plain = Function(str(library), number, 1, None, None)
    return {
        "run(x)": lambda: model.run(x),
        "run(x, out)": lambda: model.run(x, out),
        "ctypes, run_into": lambda: plain.run_into([x], out),
    }


def _in_turn(
    kernel: Callable[[int], float], calls: dict[str, Callable[[], object]], rounds: int
) -> tuple[float, dict[str, float]]:
    """Seconds of a run of the kernel, and of each of `calls`."""
    count = max(1, int(_ROUND_SECONDS / kernel(10)))
    kernels: list[float] = []
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        kernels.append(kernel(count))
        for name, call in calls.items():
            taken[name].append(_seconds(call, count))
    return min(kernels), {name: min(times) for name, times in taken.items()}


def _seconds(call: Callable[[], object], count: int) -> float:
    call()
    start = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - start) / count


def _rows(model: CompiledModel, path: Path, rounds: int) -> Table:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    table = Table("rows", "ironworks µs", "ONNX Runtime µs", "times faster", box=None)
    for rows in _ROWS:
        x = np.random.default_rng(0).random((rows, 784), np.float32)
        feed = {"x": x}
        count = max(1, int(_ROUND_SECONDS / _seconds(lambda feed=feed: session.run(None, feed), 3)))
        ours = min(_seconds(lambda x=x: model.run(x), count) for _ in range(rounds))
        theirs = min(_seconds(lambda feed=feed: session.run(None, feed), count) for _ in range(rounds))
        table.add_row(str(rows), f"{ours * 1e6:.1f}", f"{theirs * 1e6:.1f}", f"{theirs / ours:.1f}")
    return table


def _compile_kernel(folder: Path) -> Callable[..., float]:
    library = folder / "kernel.so"
    include = f"-I{_PACKAGE / 'runtime' / 'c'}"
    subprocess.run(
        ["cc", "-O2", "-shared", "-fPIC", include, str(_KERNEL), "-o", str(library), "-ldl"], check=True
    )
    function = ctypes.CDLL(str(library)).kernel_seconds
    function.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_long]
    function.restype = ctypes.c_double
    return function


if __name__ == "__main__":
    main()
