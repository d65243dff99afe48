"""Runs any number of rows on a model that was compiled for several batch sizes.

The rows are cut into runs of these sizes, so that the estimated time is the least; the last run of a size may
have fewer rows than that, and the rest of its input is zero then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np

from ironworks.runtime.engines import Array, Engine
from ironworks.runtime.manifest import Manifest, Tensor

_ROWS_OF_A_CALL = 4
"""Where times were not measured, a run costs what so many rows cost, and its rows: each reads all weights."""
_COSTS, _NATIVE_COSTS = (1.0, 4.0), (0.1, 0.5)
"""Microseconds to cut out the rows of one of several runs, and to pad one, as measured; the same in the extension."""


def combine(engines: Sequence[Engine], manifest: Manifest) -> Engine:
    """One engine for any number of rows, made of those of the manifest's variants, in their order.

    Variants of one model library are combined by the extension, where it was built.
    """
    try:
        rows = import_module("ironworks.runtime._native").Rows
        functions = tuple(getattr(engine, "call", None) for engine in engines)
        return LibraryBatches(rows(functions, planner(manifest, *_NATIVE_COSTS)), manifest)
    except (ImportError, AttributeError, ValueError):
        return Batches(engines, manifest)


class LibraryBatches:
    """Variants of one model library; the extension's `rows` takes what fits as it is."""

    def __init__(self, rows: Any, manifest: Manifest) -> None:
        self.call = rows
        self.into = rows.run_into
        self._outputs = manifest.outputs

    def run(self, inputs: Sequence[Array], outputs: Sequence[Array] | None = None) -> list[Array]:
        """Execute the model on all rows. Safe to call from several threads."""
        made = _results(self._outputs, len(inputs[0])) if outputs is None else list(outputs)
        self.into(list(inputs), made)
        return made


class Batches:
    """An engine made of others, one for each batch size; its arrays have any number of rows."""

    def __init__(self, engines: Sequence[Engine], manifest: Manifest) -> None:
        """`engines` are those of the manifest's variants, in their order."""
        sizes = [variant.batch for variant in manifest.variants]
        self._engines = dict(zip(sizes, engines, strict=True))
        self._outputs = manifest.outputs
        self._plan = planner(manifest, *_COSTS)
        self._calls: dict[object, Callable[..., list[Array] | None]] = {
            size: engine.call for size, engine in self._engines.items() if hasattr(engine, "call")
        }
        self._into: dict[int, Callable[[list[object], list[Array]], None]] = {
            size: engine.into for size, engine in self._engines.items() if hasattr(engine, "into")
        }
        self._run_full = {size: getattr(engine, "into", engine.run) for size, engine in self._engines.items()}

    def call(self, *arrays: object) -> list[Array] | None:
        """The answer for arrays that one of the sizes takes as they are; None for others."""
        shape = getattr(arrays[0], "shape", None)
        call = self._calls.get(shape[0]) if shape else None
        return call(*arrays) if call else None

    def into(self, inputs: list[object], outputs: list[Array]) -> None:
        """Run arrays that one of the sizes takes as they are; `outputs` have as many rows as each other.

        Raises:
            ValueError, BufferError: none does.
        """
        into = self._into.get(len(outputs[0]))
        if into is None:
            raise ValueError
        into(inputs, outputs)

    def run(self, inputs: Sequence[Array], outputs: Sequence[Array] | None = None) -> list[Array]:
        """Execute the model on all rows. Safe to call from several threads."""
        rows = len(inputs[0])
        sizes = self._plan(rows)
        if sizes == (rows,):
            return self._engines[rows].run(inputs, outputs)
        answers = _results(self._outputs, rows) if outputs is None else list(outputs)
        start = 0
        for size in sizes:
            part = slice(start, start + size)
            self._run_part(size, [array[part] for array in inputs], [array[part] for array in answers])
            start += size
        return answers

    def _run_part(self, size: int, inputs: list[Array], outputs: list[Array]) -> None:
        """Run `size` rows; where `inputs` has fewer, the others are zero, and their answers are dropped."""
        rows = len(inputs[0])
        if rows == size:
            self._run_full[size](inputs, outputs)
            return
        answers = self._engines[size].run([_padded(array, size) for array in inputs])
        for output, answer in zip(outputs, answers, strict=True):
            output[...] = answer[:rows]


def plan(rows: int, costs: Mapping[int, float], run: float = 0.0, padding: float = 0.0) -> tuple[int, ...]:
    """The sizes of the runs that together have at least `rows` rows, at the least sum of their costs.

    `costs` has the time of a run by its size; each run costs `run` more, and one that must be padded `padding`
    more. All but the last of the runs are full. What lies beyond the largest size is done in runs of the size
    that costs least a row; the rest by dynamic programming over the number of rows.
    """
    largest, cheapest = max(costs), min(costs, key=lambda size: (costs[size] + run) / size)
    runs = max(0, -(-(rows - largest) // cheapest))
    left = rows - runs * cheapest
    best = [(0.0, 0)]  # by the number of rows: the least cost, and the size of one of the runs
    for count in range(1, left + 1):
        choices = (
            (cost + run + (padding if size > count else 0.0) + best[max(0, count - size)][0], size)
            for size, cost in costs.items()
        )
        best.append(min(choices))
    rest = []
    while left > 0:
        rest.append(best[left][1])
        left -= rest[-1]
    return (cheapest,) * runs + tuple(sorted(rest, reverse=True))


def planner(manifest: Manifest, run: float, padding: float) -> Callable[[int], tuple[int, ...]]:
    """`plan` for a number of rows, by the measured times if every variant has one."""
    sizes = [variant.batch for variant in manifest.variants]
    times = [variant.microseconds for variant in manifest.variants]
    if None in times:
        costs = {size: float(size + _ROWS_OF_A_CALL) for size in sizes}
        return lru_cache(maxsize=1024)(lambda rows: plan(rows, costs))
    measured = {size: time or 0.0 for size, time in zip(sizes, times, strict=True)}
    return lru_cache(maxsize=1024)(lambda rows: plan(rows, measured, run, padding))


def _results(outputs: Sequence[Tensor], rows: int) -> list[Array]:
    return [np.empty((rows, *tensor.shape[1:]), tensor.dtype) for tensor in outputs]


def _padded(array: Array, rows: int) -> Array:
    padded = np.zeros((rows, *array.shape[1:]), array.dtype)
    padded[: len(array)] = array
    return padded
