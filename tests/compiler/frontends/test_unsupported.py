"""One error lists everything of a model that cannot be compiled."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ironworks.compiler.frontends import mxnet
from ironworks.compiler.frontends.unsupported import Unsupported
from ironworks.errors import FAILURE_REASON_LIMIT, ClientError


def refusal(found: Unsupported) -> ClientError:
    with pytest.raises(ClientError) as caught:
        found.refuse("It has", ["Do this.", "Or that."])
    return caught.value


def test_nothing_found_is_no_error():
    Unsupported().refuse("It has", [])


def test_each_kind_is_named_once_with_its_nodes_and_all_remedies():
    found = Unsupported()
    for node in range(5):
        found.add("Strange", f"s{node}")
    found.add("Odd", "o")
    assert str(refusal(found)) == "It has: Strange (s0, s1, s2 and 2 more); Odd (o). Do this. Or that."


def test_what_does_not_fit_into_a_failure_reason_is_counted_and_the_remedy_kept():
    found = Unsupported()
    for kind in range(100):
        for node in range(4):
            found.add(f"Operator{kind}", f"a_rather_long_name_of_a_node_{kind}_{node}")
    error = refusal(found)
    assert error.failure_reason == f"ClientError: {error}"
    assert FAILURE_REASON_LIMIT - 150 < len(error.failure_reason) <= FAILURE_REASON_LIMIT
    shown = str(error).count("Operator")
    assert f"; and {100 - shown} more of 100 kinds in {4 * (100 - shown)} nodes. Do this. Or that." in str(
        error
    )


def test_a_kind_and_a_node_with_endless_names_do_not_push_out_the_remedy():
    found = Unsupported()
    found.add("Strange" * 300, "node" * 300)
    found.add("Odd", "node" * 300)
    error = refusal(found)
    assert error.failure_reason.endswith("Do this. Or that.")
    assert "1 more of 2 kinds" in str(error)


def test_a_long_name_of_a_node_keeps_its_end():
    found = Unsupported()
    found.add("Odd", "first_stage_" * 10 + "conv7")
    assert "(…" in str(refusal(found))
    assert "conv7)" in str(refusal(found))


def chain(symbol, folder, *layers):
    """A network of one operator after the other, each (operator, name, attributes)."""
    tensor = symbol.variable("data")
    for operator, name, attributes in layers:
        tensor = symbol.node(operator, name, [tensor], attributes)
    return symbol.save(folder, {"unused": np.ones(1, np.float32)})


def test_operators_and_values_of_attributes_are_in_one_error_before_the_parameters_are_read(symbol, tmp_path):
    folder = chain(
        symbol,
        tmp_path,
        ("Activation", "mish1", {"act_type": "mish"}),
        ("Strange", "odd1", {}),
        ("Activation", "relu1", {"act_type": "relu"}),
        ("Activation", "mish2", {"act_type": "mish"}),
        ("Pooling", "pool1", {"kernel": (2, 2), "pool_type": "lp", "pooling_convention": "same"}),
        ("Custom", "own1", {}),
    )
    (folder / "model-0000.params").write_bytes(b"damaged")
    with pytest.raises(ClientError) as caught:
        mxnet.read(folder, {"data": [1, 2, 4, 4]}, "archive")
    message = str(caught.value)
    assert (
        "Activation with act_type=mish, not relu or sigmoid or tanh or softrelu or softsign, (mish1, mish2)"
        in message
    )
    assert "Strange (odd1)" in message
    assert "Pooling with pool_type=lp, not max or avg or sum, (pool1)" in message
    assert "Pooling with pooling_convention=same, not valid or full, (pool1)" in message
    assert "Custom (own1)" in message
    assert "A Custom operator is Python code" in message
    assert "relu1" not in message


def test_what_the_shapes_forbid_is_in_one_error_too(symbol, tmp_path):
    full = {"kernel": (1, 1), "stride": (2, 2), "pooling_convention": "full"}
    data = symbol.variable("data")
    pools = [symbol.node("Pooling", f"pool{index}", [data], full) for index in range(2)]
    after = symbol.node("Activation", "after", pools[:1], {"act_type": "relu"})
    flat = symbol.node("transpose", "flat", [data])
    odd = symbol.node("dot", "odd", [flat, flat])
    symbol.node("add_n", "sum", [after, pools[1], odd])
    folder = symbol.save(tmp_path, {})
    with pytest.raises(ClientError) as caught:
        mxnet.read(folder, {"data": [1, 2, 4, 4]}, "archive")
    assert "lies outside the input (pool0, pool1); dot: it multiplies other than two matrices (odd)" in str(
        caught.value
    )


def test_a_refused_variant_is_told_before_a_conflict_of_shapes_behind_it(symbol, tmp_path):
    data = symbol.variable("data")
    symbol.node("dot", "odd", [data, data])
    symbol.node("Reshape", "wrong", [data], {"shape": (7,)})
    folder = symbol.save(tmp_path, {})
    document = symbol.document() | {"heads": [[1, 0, 0], [2, 0, 0]]}
    (folder / "model-symbol.json").write_text(json.dumps(document))
    with pytest.raises(ClientError, match=r"dot: it multiplies other than two matrices \(odd\)"):
        mxnet.read(folder, {"data": [1, 2, 4]}, "archive")
