"""ONNX's own cases for its operators: each is either computed as ONNX says, or refused by name."""

from __future__ import annotations

import warnings
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper
from onnx.backend.test.loader import load_model_tests

from ironworks.compiler.backends import BackendSkipped
from ironworks.compiler.graph import checked
from ironworks.compiler.native.array_readers import ARRAY_READERS
from ironworks.compiler.native.image_readers import IMAGE_READERS
from ironworks.compiler.native.lowering import Machine, lower
from ironworks.compiler.passes import apply_passes

CLAIMED = {*IMAGE_READERS, *ARRAY_READERS}
WITHOUT_A_CASE = {"LayerNormalization", "PRelu"}
"""Those of the one ask for the mean too, those of the other have slopes that are not one a channel."""
WRITTEN_BY_HAND = {"test_averagepool_2d_ceil_last_window_starts_on_pad": 1e-3}
"""Cases whose answers ONNX has with a few digits only, and how exact they are."""


def arrays_of(case):
    """The inputs and outputs of a case, or None where they are no tensors of numbers."""
    if case.data_sets:
        inputs, outputs = case.data_sets[0]
    else:
        folder = Path(case.model_dir) / "test_data_set_0"
        inputs, outputs = (
            [numpy_helper.to_array(onnx.load_tensor(folder / f"{kind}_{i}.pb")) for i in range(count)]
            for kind in ("input", "output")
            for count in [len(list(folder.glob(f"{kind}_*.pb")))]
        )
    numeric = all(isinstance(array, (np.ndarray, np.generic)) for array in [*inputs, *outputs])
    return (inputs, outputs) if numeric else None


def prepared(case):
    """The case's model with every input but the first of float32 as a constant, that one's array, and the outputs."""
    model = case.model or onnx.load(Path(case.model_dir) / "model.onnx")
    arrays = arrays_of(case)
    inputs = list(model.graph.input)
    if arrays is None or len(inputs) != len(arrays[0]):
        return None
    floats = [item for item in inputs if item.type.tensor_type.elem_type == TensorProto.FLOAT]
    if not floats:
        return None
    given = dict(zip([item.name for item in inputs], arrays[0], strict=True))
    name = floats[0].name
    model.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(array), other) for other, array in given.items() if other != name
    )
    del model.graph.input[:]
    model.graph.input.append(floats[0])
    return model, given[name], arrays[1]


@cache
def outcomes():
    """By name of the case: its operators, and what was computed beside what is right, or the reason if refused."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # ONNX computes what it expects while it is asked, with divisions by zero
        cases = load_model_tests(kind="node")
    for case in cases:
        try:
            model, given, wanted = prepared(case)
            operators = {node.op_type for node in model.graph.node}
            model = checked(model)
            apply_passes(model)
            program = lower(checked(model), Machine(8, 16))
        except BackendSkipped as reason:
            found[case.name] = operators, str(reason)
        except Exception:  # ONNX's checker refuses it with constants, or it has other things than tensors
            continue
        else:
            found[case.name] = operators, (program.interpret([given]), wanted)
    return found


def test_what_is_computed_is_what_onnx_says():
    computed = {name: answers for name, (_, answers) in outcomes().items() if not isinstance(answers, str)}
    assert len(computed) > 400
    for name, (answers, wanted) in computed.items():
        tolerance = WRITTEN_BY_HAND.get(name, 1e-4)
        for answer, array in zip(answers, wanted, strict=True):
            np.testing.assert_allclose(
                answer.reshape(array.shape), array, rtol=tolerance, atol=1e-5, err_msg=name
            )


def test_every_operator_that_is_claimed_has_a_case_that_is_computed():
    computed = (operators for operators, answers in outcomes().values() if not isinstance(answers, str))
    seen = Counter(operator for operators in computed for operator in operators)
    assert CLAIMED - set(seen) == WITHOUT_A_CASE


def test_what_is_refused_names_a_node_or_a_tensor():
    reasons = [answers for _, answers in outcomes().values() if isinstance(answers, str)]
    assert reasons
    assert all("code" in reason or "that gives" in reason or "model" in reason for reason in reasons)


@pytest.mark.parametrize("operator", ["TopK", "NonMaxSuppression", "GRU"])
def test_what_is_not_claimed_is_refused_by_its_name(operator):
    reasons = [answers for operators, answers in outcomes().values() if operators == {operator}]
    assert reasons
    assert all(isinstance(reason, str) for reason in reasons)
