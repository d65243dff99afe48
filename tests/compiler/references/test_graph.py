"""The graph as its own original."""

from __future__ import annotations

import numpy as np
import pytest
from tests.compiler.native.networks import graph

from ironworks.compiler.references import graph as references
from ironworks.compiler.references.graph import UnoptimisedModel, graph_reference
from ironworks.compiler.references.interpreter import InterpretedModel
from ironworks.errors import PlatformError


def product(rows):
    weights = np.random.default_rng(0).standard_normal((500, 500)).astype(np.float32)
    return graph([("MatMul", ["x", "w"], "y", {})], {"x": [rows, 500]}, {"w": weights})


def test_small_models_are_interpreted():
    assert isinstance(graph_reference(product(1)), InterpretedModel)


def test_larger_models_are_run_and_the_first_answer_is_checked(monkeypatch):
    reference, x = graph_reference(product(300)), np.ones((300, 500), np.float32)
    assert isinstance(reference, UnoptimisedModel)
    assert "ONNX Runtime" in reference.name and "reference" in reference.name
    asked = []
    real = InterpretedModel.run
    monkeypatch.setattr(InterpretedModel, "run", lambda self, inputs: asked.append(1) or real(self, inputs))
    for _ in range(3):
        answer = reference.run({"x": x})[0]
    assert asked == [1]
    np.testing.assert_allclose(answer, InterpretedModel(product(300)).run({"x": x})[0], rtol=1e-4, atol=1e-4)


def test_the_largest_are_run_only(monkeypatch):
    monkeypatch.setattr(references, "_CHECKED", 1e8)
    reference = graph_reference(product(300))
    assert reference.name.startswith("ONNX Runtime") and "reference" not in reference.name
    assert reference.microseconds({}) is None


def test_two_originals_that_disagree_are_an_error(monkeypatch):
    monkeypatch.setattr(InterpretedModel, "run", lambda *_: [np.zeros((300, 500), np.float32)])
    with pytest.raises(PlatformError, match="do not agree"):
        graph_reference(product(300)).run({"x": np.ones((300, 500), np.float32)})


def test_inputs_that_do_not_fit_are_an_error_of_the_platform():
    with pytest.raises(PlatformError, match="cannot be verified"):
        graph_reference(product(300)).run({"x": np.ones((2, 2), np.float32)})
