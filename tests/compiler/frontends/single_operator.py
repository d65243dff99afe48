"""A network of one operator: written as MXNet writes it, imported, run, and compared with MXNet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from ironworks.compiler.frontends import mxnet as frontend
from ironworks.compiler.graph import checked

IMAGE = (2, 4, 7, 9)


def case(op: str, shapes: list[Any], weights: list[Any] = [], outputs: int = 1, **attributes: Any) -> Any:  # noqa: B006
    label = "-".join([op, *(f"{key}={value}" for key, value in attributes.items())])
    return pytest.param(op, shapes, weights, outputs, attributes, id=label.replace(" ", ""))


def drawn(random: np.random.Generator, shape: Any) -> Any:
    if isinstance(shape, np.ndarray):
        return shape.astype(np.float32)
    kind, size = shape if shape and isinstance(shape[0], str) else ("normal", shape)
    draw = {
        "normal": random.standard_normal,
        "positive": lambda size: random.random(size) + 0.5,
        "indices": lambda size: random.integers(0, 3, size),
        "whole": lambda size: random.integers(-4, 5, size),
    }[kind]
    return np.asarray(draw(size), np.float32)


def write(
    symbol: Any, folder: Path, op: str, shapes: list[Any], weights: list[Any], outputs: int, attributes: Any
) -> Any:
    random = np.random.default_rng(0)
    inputs, sources = {}, []
    for index, shape in enumerate(shapes):
        inputs[f"x{index}"] = drawn(random, shape)
        sources.append(symbol.variable(f"x{index}"))
    parameters = {}
    roles = ("moving_mean", "moving_var") if op == "BatchNorm" else ()
    for index, size in enumerate(weights):
        name = f"op_{roles[index - 2]}" if roles and index >= 2 else f"op_w{index}"
        parameters[name] = (random.random(size) + 0.5).astype(np.float32)
        sources.append(symbol.variable(name))
    if op.endswith("Output"):
        sources.append(symbol.variable("op_label"))
    symbol.node(op, "op", sources, attributes)
    symbol.save(folder, parameters, outputs)
    return inputs


def imported(folder: Path, inputs: Any) -> Any:
    shapes = {name: list(array.shape) for name, array in inputs.items()}
    return checked(frontend.read(folder, shapes, "model.tar.gz").model)


def run_onnxruntime(model: Any, inputs: Any) -> list[Any]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = {item.name for item in session.get_inputs()}
    return session.run(None, {name: array for name, array in inputs.items() if name in names})


def assert_equal(found: list[Any], expected: list[Any]) -> None:
    assert [array.shape for array in found] == [array.shape for array in expected]
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-6)


def assert_imported_equals_mxnet(originals: Any, symbol: Any, folder: Path, *parts: Any) -> None:
    """`parts` are those of a `case`."""
    inputs = write(symbol, folder, *parts)
    found = run_onnxruntime(imported(folder, inputs), inputs)
    assert_equal(found, originals.run_model(folder, inputs))
