"""What the way to an endpoint instance and back costs: `python -m benchmarks.serving.pool [--requests N]`.

One instance with a small model (784 → 128 → 64 → 10) answers through the pool that the server uses. The rows
differ in what is sent and in who reads it; `in process` is the same model without any process in between.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import psutil
import uvloop
from onnx import TensorProto, helper, numpy_helper
from rich.console import Console
from rich.table import Table

from ironworks.runtime import Manifest, Tensor, load
from ironworks.runtime.artifact import architecture
from ironworks.server.instances import InstancePool

LAYERS = (784, 128, 64, 10)
NUMPY_BINARY = "application/vnd+python.numpy+binary"
HOOKS = """
def neo_preprocess(payload, content_type):
    import io
    import numpy as np
    return np.load(io.BytesIO(payload))

def neo_postprocess(result):
    import json
    import numpy as np
    return json.dumps(np.squeeze(result).tolist()), "application/json"
"""


def write_model(folder: Path, layers: Sequence[int] = LAYERS, *, any_rows: bool = False) -> None:
    """A compiled multilayer perceptron with random weights, for one row; its `model.onnx` for any number if asked."""
    generator = np.random.default_rng(0)
    nodes, weights, value = [], [], "data"
    for index, (wide, narrow) in enumerate(pairwise(layers)):
        weights.append(
            numpy_helper.from_array(generator.normal(0, 0.05, (wide, narrow)).astype("f4"), f"w{index}")
        )
        nodes.append(helper.make_node("MatMul", [value, f"w{index}"], [f"sum{index}"]))
        last = index == len(layers) - 2
        value = "softmax" if last else f"relu{index}"
        nodes.append(helper.make_node("Softmax" if last else "Relu", [f"sum{index}"], [value]))
    inputs, outputs = Tensor("data", (1, layers[0]), "float32"), Tensor("softmax", (1, layers[-1]), "float32")
    graph = helper.make_graph(
        nodes,
        "mlp",
        [_described(inputs, any_rows)],
        [_described(outputs, any_rows)],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, folder / "model.onnx")
    files = {"model.onnx": hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()}
    manifest = Manifest("ml_c5", architecture(), "onnxruntime", "model.onnx", (inputs,), (outputs,))
    (folder / "manifest.json").write_text(replace(manifest, files=files).to_json())


def _described(tensor: Tensor, any_rows: bool) -> onnx.ValueInfoProto:
    shape = ("rows", *tensor.shape[1:]) if any_rows else tensor.shape
    return helper.make_tensor_value_info(tensor.name, TensorProto.FLOAT, shape)


def start(model: Path, socket: Path) -> tuple[subprocess.Popen[bytes], float]:
    """An instance, and the seconds that it took until it was there."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "ironworks.serving", "--model", str(model), "--socket", str(socket)],
        env={"PATH": os.environ["PATH"]},
        stdout=subprocess.DEVNULL,
    )
    while not socket.exists():
        if process.poll() is not None:
            raise SystemExit("The instance did not start.")
        time.sleep(0.002)
    return process, time.perf_counter() - began


async def measure(call: Callable[[], Awaitable[object]], requests: int) -> list[float]:
    """Microseconds of each request, after a tenth as many that are not counted."""
    times = []
    for index in range(-requests // 10, requests):
        began = time.perf_counter()
        await call()
        if index >= 0:
            times.append((time.perf_counter() - began) * 1e6)
    return times


async def measure_instance(
    name: str, model: Path, socket: Path, requests: int, payloads: dict[str, bytes], table: Table
) -> None:
    """Add a row for ping and for each payload."""
    process, seconds = start(model, socket)
    pool = InstancePool()
    pool.set_instances("key", [socket])
    try:
        table.add_row(f"{name}: start", f"{seconds * 1e6:,.0f}", "")
        for kind, body in payloads.items():
            headers = {"content-type": kind, "accept": "application/json"}
            times = await measure(
                lambda body=body, headers=headers: pool.invoke("key", body=body, headers=headers), requests
            )
            add_times(table, f"{name}: {kind}, {len(body):,} bytes", times)
        memory = psutil.Process(process.pid).memory_full_info()
        table.add_row(f"{name}: memory", f"RSS {memory.rss / 1e6:.0f} MB", f"own {memory.uss / 1e6:.0f} MB")
    finally:
        await pool.close()
        process.terminate()
        process.wait()


def add_times(table: Table, name: str, times: list[float]) -> None:
    """Add a row with the median and the 99th percentile."""
    table.add_row(name, f"{statistics.median(times):,.0f}", f"{np.percentile(times, 99):,.0f}")


async def measure_ping(model: Path, socket: Path, requests: int, table: Table) -> None:
    """Add a row for ping, with a connection of its own for each."""
    process, _ = start(model, socket)
    pool = InstancePool()
    add_times(table, "ping, new connection", await measure(lambda: pool.ping(socket), requests))
    process.terminate()
    process.wait()


def payloads() -> dict[str, bytes]:
    """One digit in each format, float64 as the SageMaker SDK sends it."""
    digit = np.random.default_rng(1).random((1, LAYERS[0]))
    stream = io.BytesIO()
    np.save(stream, digit)
    return {
        NUMPY_BINARY: stream.getvalue(),
        "application/json": str(digit.round(4).tolist()).encode(),
        "text/csv": ",".join(map(str, digit[0].round(4))).encode(),
        "application/octet-stream": digit.astype("<f4").tobytes(),
    }


def measure_in_process(model: Path, requests: int, table: Table) -> None:
    """Add a row for the model alone."""
    compiled, digit = load(model), np.random.default_rng(1).random((1, LAYERS[0]))
    times = []
    for _ in range(requests):
        began = time.perf_counter()
        compiled.run(digit)
        times.append((time.perf_counter() - began) * 1e6)
    add_times(table, "in process: run()", times)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=3000, help="requests a row")
    requests = parser.parse_args().requests
    table = Table("what", "p50 µs", "p99 µs")
    folder = Path(tempfile.mkdtemp(prefix="iw-"))
    try:
        plain, hooked = folder / "plain", folder / "hooked"
        plain.mkdir()
        write_model(plain)
        shutil.copytree(plain, hooked)
        (hooked / "code").mkdir()
        (hooked / "code" / "inference.py").write_text(HOOKS)
        measure_in_process(plain, requests, table)
        uvloop.run(measure_ping(plain, folder / "p", requests, table))
        uvloop.run(measure_instance("codecs", plain, folder / "c", requests, payloads(), table))
        digit = {NUMPY_BINARY: payloads()[NUMPY_BINARY]}
        uvloop.run(measure_instance("neo hooks", hooked, folder / "h", requests, digit, table))
    finally:
        shutil.rmtree(folder)
    Console().print(table)


if __name__ == "__main__":
    main()
