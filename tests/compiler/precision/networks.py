"""Networks of a size that libraries take part in, and examples that they tell apart."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from tests.compiler.native.networks import graph

FEATURES, CLASSES = 256, 10


def dense(batch=1, widths=(FEATURES, 1024, 512, CLASSES), transposed=True, seed=0):
    """A perceptron; the operator is Gemm, or MatMul where weights are not transposed."""
    random = np.random.default_rng(seed)
    nodes, constants, tensor = [], {}, "data"
    for number, (inputs, units) in enumerate(pairwise(widths)):
        weights = (random.standard_normal((units, inputs)) * np.sqrt(2 / inputs)).astype(np.float32)
        names = [tensor, f"w{number}"]
        constants[f"w{number}"] = weights if transposed else weights.T
        if transposed:
            constants[f"b{number}"] = (random.standard_normal(units) * 0.1).astype(np.float32)
            nodes.append(("Gemm", [*names, f"b{number}"], f"z{number}", {"transB": 1}))
        else:
            nodes.append(("MatMul", names, f"z{number}", {}))
        tensor = f"z{number}"
        if number < len(widths) - 2:
            nodes.append(("Relu", [tensor], f"a{number}", {}))
            tensor = f"a{number}"
    return graph([*nodes, ("Softmax", [tensor], "y", {})], {"data": [batch, widths[0]]}, constants)


def convolutional(seed=0):
    """A stem, a residual block and classes."""
    random = np.random.default_rng(seed)
    draw = lambda *shape: (random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)  # noqa: E731
    same = {"pads": [1, 1, 1, 1]}
    nodes = [
        ("Conv", ["data", "stem"], "s", same),
        ("Relu", ["s"], "sr", {}),
        ("Conv", ["sr", "w", "b"], "c", same),
        ("Add", ["c", "sr"], "r", {}),
        ("Relu", ["r"], "rr", {}),
        ("GlobalAveragePool", ["rr"], "g", {}),
        ("Flatten", ["g"], "f", {}),
        ("Gemm", ["f", "classes"], "y", {"transB": 1}),
    ]
    constants = {
        "stem": draw(16, 3, 3, 3),
        "w": draw(16, 16, 3, 3),
        "b": draw(16, 1)[:, 0],
        "classes": draw(10, 16),
    }
    return graph(nodes, {"data": [1, 3, 24, 24]}, constants)
