"""Graphs of one or a few nodes, and what generated code answers for them."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from ironworks.compiler.graph import checked
from ironworks.compiler.native.lowering import Machine, lower
from ironworks.compiler.native.source import Variant, Weights, level_source
from ironworks.compiler.targets import find_target
from ironworks.compiler.tensors import described_inputs, described_outputs
from ironworks.compiler.toolchain import NoCompiler, Source, build_library, find_compiler, levels_of
from ironworks.runtime import Manifest
from ironworks.runtime.engines import native
from ironworks.runtime.model import CompiledModel

TARGET = find_target("LINUX_X86_64")
WORDS = TensorProto.INT64
random = np.random.default_rng(0)


def numbers(*shape, scale=1.0):
    """Random ones."""
    return np.asarray(random.standard_normal(shape) * scale, np.float32)


def whole(*values):
    """A constant of whole numbers: a shape, axes."""
    return np.array(values, np.int64)


def graph(nodes, inputs, constants=None, dtype=TensorProto.FLOAT):
    """A checked model; `nodes` are (operator, inputs, output, attributes), inputs are shapes by name, of `dtype`."""
    constants = constants or {}
    made = [
        helper.make_node(operator, names, [output], output, **attributes)
        for operator, names, output, attributes in nodes
    ]
    model = helper.make_model(
        helper.make_graph(
            made,
            "g",
            [helper.make_tensor_value_info(name, dtype, shape) for name, shape in inputs.items()],
            [helper.make_tensor_value_info(nodes[-1][2], 1, None)],
            [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", 20)],
        ir_version=9,
    )
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    return checked(inferred)


def expected(model, *arrays):
    """What ONNX Runtime answers, without optimisation."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [item.name for item in session.get_inputs()]
    return session.run(None, dict(zip(names, arrays, strict=True)))[0]


def interpreted(model, lanes, registers, *arrays):
    """What the interpreter of the kernel language answers."""
    program = lower(model, Machine(lanes, registers))
    shape = described_outputs(model)[0].shape
    return program.interpret(arrays)[0].reshape(shape)


def library(models, path, levels=None):
    """The library of `models`, which differ in their shapes, with code for `levels`."""
    levels = levels or levels_of(TARGET)
    weights, sources = Weights(), []
    for level in levels:
        machine = Machine(level.lanes, level.registers)
        variants = [
            Variant(lower(model, machine), described_inputs(model), described_outputs(model))
            for model in models
        ]
        text = level_source(level.identifier, machine, variants, weights)
        sources.append(Source(f"{level.identifier}.c", text, level))
    try:
        compiler = find_compiler("x86_64")
    except NoCompiler as reason:
        pytest.skip(str(reason))
    build_library(compiler, sources, levels, weights.blob, path)


def compiled(model, folder, levels=None, threads=1):
    """The model as a library with code for `levels`."""
    library([model], folder / "model.so", levels)
    inputs, outputs = described_inputs(model), described_outputs(model)
    manifest = Manifest("t", "x86_64", "native", "model.so", tuple(inputs), tuple(outputs))
    return CompiledModel(manifest, native.start(manifest, folder, threads))


def close(found, wanted, tolerance=1e-5):
    """Assert equality within `tolerance` of the largest value."""
    assert found.shape == wanted.shape
    scale = max(np.abs(wanted).max(), 1e-30)
    np.testing.assert_allclose(found / scale, wanted / scale, rtol=0, atol=tolerance)


def transformer(words=5, width=24, heads=2):
    """One layer of an encoder as exporters write it, down to a pooled row."""
    half = width // heads
    constants = {
        **{f"w{name}": numbers(width, width, scale=0.2) for name in "qkvo"},
        **{f"b{name}": numbers(width) for name in "qkvo"},
        **{"table": numbers(30, width), "place": numbers(1, words, width), "g": numbers(width), "h": numbers(width)},
        **{"up": numbers(width, 50, scale=0.2), "down": numbers(50, width, scale=0.2), "pool": numbers(width, 7)},
        **{"split": whole(1, words, heads, half), "join": whole(1, words, width), "scale": np.float32(half**0.5)},
        **{"root": np.float32(2**0.5), "one": np.float32(1), "half": np.float32(0.5), "first": np.int64(0)},
    }  # fmt: skip
    nodes = [("Gather", ["table", "x"], "e", {}), ("Add", ["e", "place"], "s0", {})]
    nodes.append(("LayerNormalization", ["s0", "g", "h"], "n0", {}))
    for name, order in (("q", [0, 2, 1, 3]), ("k", [0, 2, 3, 1]), ("v", [0, 2, 1, 3])):
        nodes += [
            ("MatMul", ["n0", f"w{name}"], f"{name}1", {}),
            ("Add", [f"b{name}", f"{name}1"], f"{name}2", {}),
            ("Reshape", [f"{name}2", "split"], f"{name}3", {}),
            ("Transpose", [f"{name}3"], name, {"perm": order}),
        ]
    nodes += [
        ("MatMul", ["q", "k"], "a1", {}), ("Div", ["a1", "scale"], "a2", {}), ("Softmax", ["a2"], "a3", {"axis": -1}),
        ("MatMul", ["a3", "v"], "a4", {}), ("Transpose", ["a4"], "a5", {"perm": [0, 2, 1, 3]}),
        ("Reshape", ["a5", "join"], "a6", {}), ("MatMul", ["a6", "wo"], "a7", {}), ("Add", ["a7", "bo"], "a8", {}),
        ("Add", ["a8", "n0"], "a9", {}), ("LayerNormalization", ["a9", "g", "h"], "n1", {}),
        ("MatMul", ["n1", "up"], "f1", {}), ("Div", ["f1", "root"], "f2", {}), ("Erf", ["f2"], "f3", {}),
        ("Add", ["f3", "one"], "f4", {}), ("Mul", ["f1", "f4"], "f5", {}), ("Mul", ["f5", "half"], "f6", {}),
        ("MatMul", ["f6", "down"], "f7", {}), ("Add", ["f7", "n1"], "f8", {}),
        ("LayerNormalization", ["f8", "g", "h"], "n2", {}), ("Gather", ["n2", "first"], "p1", {"axis": 1}),
        ("MatMul", ["p1", "pool"], "p2", {}), ("Tanh", ["p2"], "y", {}),
    ]  # fmt: skip
    return graph(nodes, {"x": [1, words]}, constants, WORDS)
