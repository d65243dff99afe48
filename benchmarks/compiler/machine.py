"""The roofline of this machine: what one core computes and reads at most, measured."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

import onnx
from onnx import numpy_helper, shape_inference

_SOURCE = Path(__file__).with_name("machine.c")
_ROUNDS = 5
_LEVELS = {"L1": "LEVEL1_DCACHE_SIZE", "L2": "LEVEL2_CACHE_SIZE", "L3": "LEVEL3_CACHE_SIZE"}
_MEMORY = 1 << 29
_MOST = 1 << 25
"""Of a third-level cache that is read: it is shared, and what others leave of it is not known."""


@dataclass(frozen=True)
class Machine:
    """Peak float32 operations a second of one core; bytes that each cache holds; bytes a second from each level."""

    flops: float
    caches: Mapping[str, int]
    bandwidth: Mapping[str, float]

    def limit(self, work: Work, threads: int) -> float | None:
        """Seconds that a run takes at least, with direct convolutions: for its products, or to read its weights once.

        None for a model without products.
        """
        if not work.flops:
            return None
        level = next((level for level, size in self.caches.items() if work.weights <= size), "RAM")
        return max(work.flops / self.flops, work.weights / self.bandwidth[level]) / threads


@dataclass(frozen=True)
class Work:
    """Floating-point operations of the products of a run, and bytes of the weights that it reads."""

    flops: float
    weights: int


def measure() -> Machine:
    """Compile the measuring program for this machine and take the best of several rounds."""
    caches = {level: _configured(name) for level, name in _LEVELS.items()}
    sizes = {level: min(size, _MOST) // 2 for level, size in caches.items()} | {"RAM": _MEMORY}
    with tempfile.TemporaryDirectory(prefix="ironworks-benchmark-") as folder:
        program = Path(folder) / "machine"
        subprocess.run(["cc", "-O3", "-march=native", str(_SOURCE), "-o", str(program)], check=True)
        command = [str(program), *map(str, sizes.values())]
        rounds = [
            [
                float(word)
                for word in subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
            ]
            for _ in range(_ROUNDS)
        ]
    flops, *bandwidths = (max(column) for column in zip(*rounds, strict=True))
    return Machine(flops, caches, dict(zip(sizes, bandwidths, strict=True)))


def _configured(name: str) -> int:
    """A figure of the system's configuration, in bytes."""
    return int(subprocess.run(["getconf", name], check=True, capture_output=True, text=True).stdout)


def work(model: onnx.ModelProto) -> Work:
    """What a run has to do at least."""
    graph = shape_inference.infer_shapes(model, data_prop=True).graph
    constants = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    shapes = {name: array.shape for name, array in constants.items()}
    for value in [*graph.input, *graph.value_info, *graph.output]:
        shapes[value.name] = tuple(size.dim_value for size in value.type.tensor_type.shape.dim)
    flops, read = 0.0, {name: array.nbytes for name, array in constants.items()}
    for node in graph.node:
        if node.op_type == "Conv":
            flops += 2.0 * prod(shapes[node.output[0]]) * prod(shapes[node.input[1]][1:])
        elif node.op_type in ("Gemm", "MatMul"):
            inner = shapes[node.input[1]][-1 if _transposed(node) else -2]
            flops += 2.0 * prod(shapes[node.output[0]]) * inner
        elif node.op_type == "Gather" and node.input[0] in constants:
            # Of a table, only the rows that are asked for.
            rows = prod(shapes[node.output[0]]) * constants[node.input[0]].itemsize
            read[node.input[0]] = min(rows, read[node.input[0]])
    return Work(flops, sum(read.values()))


def _transposed(node: onnx.NodeProto) -> bool:
    return any(item.name == "transB" and item.i for item in node.attribute)
