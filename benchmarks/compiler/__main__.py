"""The zoo against every library that takes a model: `python -m benchmarks.compiler`.

Each model is compiled for this machine, and the artifact is run against the libraries of `requirements.txt`
on the same input, in turn; the figures are medians. The libraries are installed at the first call, in an
environment below `IRONWORKS_CACHE` (or `.cache`).
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnx
from benchmarks.compiler.machine import Machine, measure
from benchmarks.compiler.race import Result, Runner, race
from benchmarks.compiler.rivals import LIBRARIES
from benchmarks.compiler.zoo import ZOO

from ironworks.compiler.library import compile

_REQUIREMENTS = Path(__file__).with_name("requirements.txt")
_SPARSITY = 0.807
"""Zeros among the values of MNIST's test images."""


@dataclass(frozen=True)
class Case:
    """One line of the table."""

    model: str
    batch: int
    threads: int

    @property
    def title(self) -> str:
        """How messages call it."""
        return f"{self.model}, batch {self.batch}, {self.threads} thread{'s' if self.threads > 1 else ''}"


@dataclass(frozen=True)
class Line:
    """What was measured of a case: seconds to compile, what was chosen, the limit in seconds, and all results."""

    case: Case
    compile_seconds: float
    chosen: str
    limit: float
    results: Mapping[str, Result]


def main() -> None:
    """Measure, print, and write what was asked for."""
    arguments = _arguments()
    python = environment()
    machine = measure()
    lines = []
    for model, batch, threads in itertools.product(arguments.model, arguments.batch, arguments.threads):
        line = run(Case(model, batch, threads), machine, python, arguments)
        lines.append(line)
        print(describe(line), flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps([asdict(item) for item in lines], indent=1) + "\n")
    print(summary(lines))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [*ZOO, "MLP, sparse"]
    numbers = lambda text: [int(part) for part in text.split(",")]  # noqa: E731
    parser.add_argument("--model", nargs="*", default=names, choices=names, help="which (default: all)")
    parser.add_argument("--batch", type=numbers, default=[1, 32], help="sizes, by commas (default: 1,32)")
    parser.add_argument("--threads", type=numbers, default=[1, 2], help="by commas (default: 1,2)")
    parser.add_argument("--rounds", type=int, default=15, help="of each library (default: 15)")
    parser.add_argument("--seconds", type=float, default=0.05, help="of each round (default: 0.05)")
    parser.add_argument("--library", nargs="*", default=list(LIBRARIES), choices=list(LIBRARIES))
    parser.add_argument("--json", type=Path, help="write the figures to this file as they come")
    return parser.parse_args()


def environment() -> Path:
    """The Python that has the libraries."""
    folder = Path(os.environ.get("IRONWORKS_CACHE", ".cache")) / "environments" / "benchmarks-compiler"
    python = folder.absolute() / "bin" / "python"
    if not (folder / "ready").exists():
        print("Installing the libraries to measure against …", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "-r", str(_REQUIREMENTS)], check=True)
        (folder / "ready").touch()
    return python


def run(case: Case, machine: Machine, python: Path, arguments: argparse.Namespace) -> Line:
    """Compile and race one case."""
    model = ZOO[case.model.removesuffix(", sparse")](case.batch)
    inputs = draw(model, sparse=case.model.endswith("sparse"))
    with tempfile.TemporaryDirectory(prefix="ironworks-benchmark-") as name:
        folder = Path(name)
        onnx.save(model, folder / "model.onnx")
        np.savez(folder / "inputs.npz", **inputs)  # type: ignore[arg-type]
        artifact = compile(folder / "model.onnx", output=folder / "model.tar.gz", samples=[inputs])
        runners = [
            Runner(library, Path(sys.executable), artifact.path)
            if library == "ironworks"
            else Runner(library, python, folder / "model.onnx")
            for library in arguments.library
        ]
        results = race(runners, case.threads, arguments.rounds, arguments.seconds)
    seconds = sum(artifact.report.seconds.values())
    return Line(case, seconds, artifact.report.chosen, machine.limit(model, case.threads), results)


def draw(model: onnx.ModelProto, sparse: bool) -> dict[str, np.ndarray]:
    """Inputs: numbers between 0 and 1, or words."""
    random = np.random.default_rng(1)
    value = model.graph.input[0]
    shape = [size.dim_value for size in value.type.tensor_type.shape.dim]
    if value.type.tensor_type.elem_type == onnx.TensorProto.INT64:
        return {value.name: random.integers(0, 1000, shape)}
    data = random.random(shape, np.float32)
    return {value.name: np.where(random.random(shape) < _SPARSITY, np.float32(0), data) if sparse else data}


def best_rival(line: Line) -> tuple[str, float] | None:
    """The fastest of the others, and its seconds."""
    times = {n: r.seconds for n, r in line.results.items() if n != "ironworks" and r.seconds is not None}
    return min(times.items(), key=lambda item: item[1]) if times else None


def ratio(line: Line) -> float | None:
    """How many times the artifact is faster than the best of the others."""
    best, ours = best_rival(line), line.results["ironworks"].seconds
    return best[1] / ours if best and ours else None


def describe(line: Line) -> str:
    """One line of text."""
    parts = [
        f"{name} {result.seconds * 1e6:,.1f}" if result.seconds else f"{name} – ({result.reason})"
        for name, result in line.results.items()
    ]
    faster = ratio(line)
    speed = f"{faster:.2f} ×" if faster else "?"
    return (
        f"{line.case.title}: {speed} ({line.chosen}, compiled in {line.compile_seconds:.1f} s; "
        f"limit {line.limit * 1e6:,.1f} µs): {'; '.join(parts)}"
    )


def summary(lines: Sequence[Line]) -> str:
    """Over all lines."""
    ratios = [faster for line in lines if (faster := ratio(line))]
    if not ratios:
        return "Nothing was measured."
    mean = float(np.exp(np.mean(np.log(ratios))))
    return (
        f"{len(ratios)} cases: {mean:.2f} × faster in the geometric mean; the least is {min(ratios):.2f} ×."
    )


if __name__ == "__main__":
    main()
