"""Chooses how layers are computed by measuring them on this machine, the longest first, as long as there is time."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic

import numpy as np
import onnx

from ironworks.compiler.native.decisions import Decisions, Layer, Way, ways
from ironworks.compiler.native.image_lowering import call_convolution
from ironworks.compiler.native.kernels import dense as matrix
from ironworks.compiler.native.kernels import product as arrays
from ironworks.compiler.native.kernels.convolution import Convolution
from ironworks.compiler.native.kernels.dense import Dense
from ironworks.compiler.native.kernels.product import Product
from ironworks.compiler.native.lowering import Machine, lower
from ironworks.compiler.native.program import Place, Program, ProgramBuilder
from ironworks.compiler.native.source import Variant, Weights, level_source
from ironworks.compiler.native.view import View
from ironworks.compiler.timing import interleaved_minima
from ironworks.compiler.toolchain import Compiler, Level, Source, build_library
from ironworks.runtime.engines.native import open_variants

_GAIN = 0.97
"""Of the estimated best way's time that another must take at most, to be more than noise."""


def tune(
    model: onnx.ModelProto,
    level: Level,
    compiler: Compiler,
    seconds: float,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[Layer, Way]:
    """The layers of `model` that are faster in another way than the estimated best, and that way.

    Each layer is compiled alone, in all of its ways, for `level`, which this machine must have, and timed on one
    thread. Layers follow each other by their flops until `seconds` are over.

    Raises:
        BackendSkipped: the model has something that no kernel does.
        PlatformError: the C compiler refuses what was generated.
    """
    deadline = monotonic() + seconds
    seen = Decisions()
    lower(model, Machine(level.lanes, level.registers), seen)
    layers = sorted(seen.layers, key=lambda layer: -seen.layers[layer])
    found: dict[Layer, Way] = {}
    for number, layer in enumerate(layers):
        choices = ways(layer)
        if monotonic() >= deadline:
            progress(f"The time for tuning is over after {number} of {len(layers)} layers")
            break
        if len(choices) < 2:
            continue
        times = _times([_program(layer, way) for way in choices], level, compiler)
        best = min(range(len(choices)), key=times.__getitem__)
        if times[best] <= _GAIN * times[0]:
            found[layer] = choices[best]
    return found


def _times(programs: Sequence[Program], level: Level, compiler: Compiler) -> list[float]:
    """Microseconds of a run of each program."""
    weights = Weights()
    machine = Machine(level.lanes, level.registers)
    text = level_source(level.identifier, machine, [Variant(item, [], []) for item in programs], weights)
    with tempfile.TemporaryDirectory(prefix="ironworks-tune-") as folder:
        library = Path(folder) / "layer.so"
        build_library(compiler, [Source("layer.c", text, level)], [level], weights.blob, library)
        return interleaved_minima(open_variants(str(library), len(programs)))


def _program(layer: Layer, way: Way) -> Program:
    """A program of this layer alone, on numbers of ordinary size: what memory holds by chance can be slow to add."""
    builder = ProgramBuilder()
    if isinstance(layer, Convolution):
        _convolve(builder, layer, way)
    elif isinstance(layer, Dense):
        _multiply_rows(builder, layer, way)
    else:
        _multiply(builder, layer, way)
    return builder.finish([], 0.0)


def _random(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(0).standard_normal(shape, np.float32)


def _convolve(builder: ProgramBuilder, layer: Convolution, way: Way) -> None:
    source, result, window = layer.source, layer.result, layer.window
    inputs = 1 if layer.depthwise else source.channels
    weight = _random(result.channels, inputs, window.height, window.width)
    x = Place(builder.weight(_random(source.elements)), source.origin)
    y = Place(builder.tensor(result.elements), result.origin)
    bias = Place(builder.weight(_random(result.stored)))
    call_convolution(builder, layer, way, weight, bias, (x, y, ()))


def _multiply_rows(builder: ProgramBuilder, layer: Dense, way: Way) -> None:
    assert way.block is not None
    layer = replace(layer, block=way.block)
    x = Place(builder.weight(_random(layer.source.elements)), layer.source.origin)
    weight = Place(builder.weight(matrix.pack_weights(layer, _random(layer.inputs, layer.outputs))))
    bias = Place(builder.weight(matrix.pack_bias(layer, _random(layer.outputs))))
    y = Place(builder.tensor(layer.result.elements), layer.result.origin)
    builder.call(matrix.dense_kernel(layer), x, weight, bias, y)


def _multiply(builder: ProgramBuilder, layer: Product, way: Way) -> None:
    assert way.block is not None
    layer = replace(layer, block=way.block)
    left, result = _placed(builder, layer.left), Place(builder.tensor(_reach(layer.result)))
    if layer.right is None:
        right = Place(builder.weight(arrays.pack_panels(layer, _random(layer.inner, layer.outputs))))
    else:
        right = _placed(builder, layer.right)
    builder.call(arrays.product_kernel(layer), left, right, result)


def _placed(builder: ProgramBuilder, view: View) -> Place:
    """Random numbers that lie as `view` has them; its first element is not the first where a stride is negative."""
    before = sum((size - 1) * max(-stride, 0) for size, stride in zip(view.shape, view.strides, strict=True))
    return Place(builder.weight(_random(_reach(view))), before)


def _reach(view: View) -> int:
    """Elements from the lowest place to the highest."""
    return 1 + sum((size - 1) * abs(stride) for size, stride in zip(view.shape, view.strides, strict=True))
