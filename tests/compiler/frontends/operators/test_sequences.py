"""Recurrent layers, attention and what goes with sequences, against MXNet."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.compiler.frontends.single_operator import (
    assert_equal,
    assert_imported_equals_mxnet,
    case,
    imported,
    run_onnxruntime,
    write,
)

from ironworks.errors import ClientError

SEQUENCES = (5, 3, 4)
LENGTHS = np.array([5, 1, 3])
ATTENTION = "_contrib_interleaved_matmul"
CASES = [
    *[case("SequenceMask", [SEQUENCES, LENGTHS], use_sequence_length=True, value=value) for value in (0, -1.5)],
    case("SequenceMask", [(3, 5, 2, 2), LENGTHS], use_sequence_length=True, axis=1),
    case("SequenceMask", [SEQUENCES]),
    case("SequenceLast", [SEQUENCES]),
    case("SequenceLast", [SEQUENCES, LENGTHS], use_sequence_length=True),
    case("SequenceLast", [(3, 5, 2), LENGTHS], use_sequence_length=True, axis=1),
    case("SequenceReverse", [SEQUENCES]),
    case("SequenceReverse", [SEQUENCES, LENGTHS], use_sequence_length=True),
    case("GroupNorm", [(2, 6, 3, 4)], [(3,), (3,)], num_groups=3),
    case("GroupNorm", [(2, 6, 5)], [(1,), (1,)], eps=1e-2),
    case(f"{ATTENTION}_selfatt_qk", [(5, 2, 24)], heads=2),
    case(f"{ATTENTION}_selfatt_valatt", [(5, 2, 24), (4, 5, 5)], heads=2),
    case(f"{ATTENTION}_encdec_qk", [(4, 2, 8), (5, 2, 16)], heads=2),
    case(f"{ATTENTION}_encdec_valatt", [(5, 2, 16), (4, 6, 5)], heads=2),
    case("_contrib_div_sqrt_dim", [SEQUENCES]),
]  # fmt: skip


@pytest.mark.parametrize(("op", "shapes", "weights", "outputs", "attributes"), CASES)
def test_equals_mxnet(originals, symbol, tmp_path, op, shapes, weights, outputs, attributes):
    assert_imported_equals_mxnet(originals, symbol, tmp_path, op, shapes, weights, outputs, attributes)


@pytest.mark.parametrize(
    ("op", "shapes", "attributes"),
    [
        ("softmax", [(3, 5), LENGTHS], {"use_length": True}),
        ("softmax", [(3, 5, 2), np.array([[5, 1], [2, 3], [4, 4]])], {"use_length": True, "axis": 1}),
        ("batch_take", [(3, 6), LENGTHS], {}),
    ],
)
def test_what_takes_whole_numbers_only_equals_mxnet(originals, symbol, tmp_path, op, shapes, attributes):
    """MXNet's prediction interface gives float32, so the symbol has a cast."""
    inputs = write(symbol, tmp_path, op, shapes, [], 1, attributes)
    symbol.nodes.insert(
        2, {"op": "Cast", "name": "whole", "attrs": {"dtype": "int32"}, "inputs": [[1, 0, 0]]}
    )
    symbol.nodes[3]["inputs"] = [[0, 0, 0], [2, 0, 0]]
    symbol.save(tmp_path, {})
    assert_equal(run_onnxruntime(imported(tmp_path, inputs), inputs), originals.run_model(tmp_path, inputs))


GATES = {"lstm": 4, "gru": 3, "rnn_relu": 1, "rnn_tanh": 1}


def recurrent(mode: str, layers: int, bidirectional: bool, states: bool) -> tuple[Any, ...]:
    """The parts of a case: 5 steps, a batch of 3, 4 features and 6 units."""
    directions = 2 if bidirectional else 1
    features = [4, *[6 * directions] * (layers - 1)]
    rows = directions * GATES[mode] * 6
    size = sum(rows * (columns + 6 + 2) for columns in features)
    weights = np.random.default_rng(1).uniform(-0.4, 0.4, size)
    initial = (layers * directions, 3, 6)
    inputs = [(5, 3, 4), weights, initial, *([initial] if mode == "lstm" else [])]
    outputs = (3 if mode == "lstm" else 2) if states else 1
    attributes = {
        "state_size": 6, "num_layers": layers, "mode": mode, "bidirectional": bidirectional, "state_outputs": states,
        "p": 0.5,
    }  # fmt: skip
    return "RNN", inputs, [], outputs, attributes


@pytest.mark.parametrize("mode", GATES)
@pytest.mark.parametrize(("layers", "bidirectional"), [(1, False), (2, False), (1, True), (3, True)])
@pytest.mark.parametrize("states", [False, True])
def test_recurrent_layers_equal_mxnet(originals, symbol, tmp_path, mode, layers, bidirectional, states):
    assert_imported_equals_mxnet(originals, symbol, tmp_path, *recurrent(mode, layers, bidirectional, states))


def test_a_state_of_unknown_batch_size_starts_every_sequence(originals, symbol, tmp_path):
    """Gluon writes the state that nobody gave as zeros of shape (layers, 0, units)."""
    op, inputs, _, outputs, attributes = recurrent("gru", 1, False, False)
    data, weights = (symbol.variable(name) for name in ("x0", "x1"))
    state = symbol.node("_zeros", "state", [], {"shape": (1, 0, 6)})
    symbol.node(op, "op", [data, weights, state], attributes)
    symbol.save(tmp_path, {}, outputs)
    given = {"x0": np.ones(inputs[0], np.float32), "x1": inputs[1].astype(np.float32)}
    assert_equal(run_onnxruntime(imported(tmp_path, given), given), originals.run_model(tmp_path, given))


def test_parameters_of_another_size_are_refused(symbol, tmp_path):
    op, inputs, *rest = recurrent("lstm", 1, False, False)
    inputs[1] = inputs[1][1:]
    with pytest.raises(
        ClientError, match=r"Node op \(RNN\).*x1 has the shape \[287\], and the input asks for \[288\]"
    ):
        imported(tmp_path, write(symbol, tmp_path, op, inputs, *rest))
