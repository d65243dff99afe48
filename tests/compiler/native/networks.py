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


def compiled(model, folder, levels=None, threads=1):
    """The model as a library with code for `levels`."""
    levels = levels or levels_of(TARGET)
    weights, inputs, outputs = Weights(), described_inputs(model), described_outputs(model)
    sources = []
    for level in levels:
        machine = Machine(level.lanes, level.registers)
        variant = Variant(lower(model, machine), inputs, outputs)
        text = level_source(level.identifier, machine, [variant], weights)
        sources.append(Source(f"{level.identifier}.c", text, level))
    try:
        compiler = find_compiler("x86_64")
    except NoCompiler as reason:
        pytest.skip(str(reason))
    build_library(compiler, sources, levels, weights.blob, folder / "model.so")
    manifest = Manifest("t", "x86_64", "native", "model.so", tuple(inputs), tuple(outputs))
    return CompiledModel(manifest, native.start(manifest, folder, threads))


def close(found, wanted, tolerance=1e-5):
    """Assert equality within `tolerance` of the largest value."""
    assert found.shape == wanted.shape
    scale = max(np.abs(wanted).max(), 1e-30)
    np.testing.assert_allclose(found / scale, wanted / scale, rtol=0, atol=tolerance)
