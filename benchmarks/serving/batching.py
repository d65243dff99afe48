"""When joining invocations pays: `python -m benchmarks.serving.batching`.

The same instance with and without `IRONWORKS_MAX_BATCH`, on a small perceptron, whose run costs less than the rest of a
request, and on a wide one, whose weights (34 MB) are read anew for every run.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.serving.paths import client, compiled, free_port, measure, request, running
from rich.console import Console
from rich.table import Table

CLIENTS = (1, 8, 64)
SETTINGS = {
    "off": {},
    "8, no delay": {"IRONWORKS_MAX_BATCH": "8", "IRONWORKS_MAX_DELAY_MS": "0"},
    "8, 2 ms": {"IRONWORKS_MAX_BATCH": "8", "IRONWORKS_MAX_DELAY_MS": "2"},
    "32, 2 ms": {"IRONWORKS_MAX_BATCH": "32", "IRONWORKS_MAX_DELAY_MS": "2"},
}
NETWORKS = {"784-128-64-10": (784, 128, 64, 10), "784-2048-2048-1024-10": (784, 2048, 2048, 1024, 10)}


def compare(name: str, layers: tuple[int, ...], seconds: float) -> Table:
    """Measure every setting on one network."""
    columns = [f"{count}: {what}" for count in CLIENTS for what in ("p50 µs", "1/s")]
    table = Table("batch", *columns, title=f"{name}, by the number of clients")
    with tempfile.TemporaryDirectory(prefix="iw-") as place:
        folder = Path(place)
        model, program, file = (
            compiled(folder, layers=layers, batch_sizes=(1, 8, 32)),
            client(folder),
            request(folder),
        )
        for setting, environment in SETTINGS.items():
            port = free_port()
            words = ["--listen", f"127.0.0.1:{port}", "--model", str(model), "--socket", str(folder / "s")]
            with running([sys.executable, "-m", "ironworks.serving", *words], port, environment):
                found = [measure(program, port, count, seconds, file) for count in CLIENTS]
            cells = [cell for rate, half, _ in found for cell in (f"{half:,.0f}", f"{rate:,.0f}")]
            table.add_row(setting, *cells)
    return table


if __name__ == "__main__":
    for name, layers in NETWORKS.items():
        Console(width=120).print(compare(name, layers, 0.5))
