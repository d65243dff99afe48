"""Reading an MXNet checkpoint: what is found, what is refused, and in which words."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ironworks.compiler.frontends import find_frontend, mxnet, sizes
from ironworks.errors import ClientError

SHAPES = {"data": [1, 784]}


def read(folder, shapes=SHAPES):
    return mxnet.read(folder, shapes, "s3://bucket/model.tar.gz")


def edit(folder, change):
    path = folder / "model-symbol.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_the_notebooks_network_takes_data_gives_softmax_output_and_needs_no_label(mlp):
    imported = read(mlp)
    graph = imported.model.graph
    assert [item.name for item in graph.input] == ["data"]
    assert [item.name for item in graph.output] == ["softmax_output"]
    assert [dim.dim_value for dim in graph.output[0].type.tensor_type.shape.dim] == [1, 10]
    assert imported.operators == {"Flatten": 1, "FullyConnected": 3, "Activation": 2, "SoftmaxOutput": 1}
    assert imported.findings == []


def test_an_image_shape_is_flattened_as_in_training(mlp):
    assert "Reshape" in {node.op_type for node in read(mlp, {"data": [100, 1, 28, 28]}).model.graph.node}


def test_a_model_in_a_subfolder_is_found(tmp_path, mlp):
    mlp.rename(tmp_path / "archive")
    (tmp_path / "outer").mkdir()
    (tmp_path / "archive").rename(tmp_path / "outer" / "inner")
    assert read(tmp_path / "outer").operators["FullyConnected"] == 3


def test_the_highest_epoch_wins(mlp):
    (mlp / "model-0007.params").write_bytes((mlp / "model-0000.params").read_bytes())
    (mlp / "model-0000.params").write_bytes(b"old")
    assert read(mlp).operators["FullyConnected"] == 3


def test_an_archive_without_a_model_names_what_is_expected_and_what_is_there(tmp_path):
    (tmp_path / "weights.h5").touch()
    with pytest.raises(
        ClientError,
        match=r"s3://bucket/model.tar.gz has no file \*-symbol.json; it has weights.h5.*MXNet saves",
    ):
        read(tmp_path)


def test_an_empty_archive_is_said_to_be_empty(tmp_path):
    with pytest.raises(ClientError, match="it has no files"):
        read(tmp_path)


def test_a_symbol_without_parameters_names_the_missing_file(mlp):
    (mlp / "model-0000.params").rename(mlp / "other-0000.params")
    with pytest.raises(
        ClientError, match=r"no model-NNNN.params beside it; it has model-symbol.json, other-0000.params"
    ):
        read(mlp)


def test_several_models_are_all_named(mlp):
    (mlp / "second-symbol.json").touch()
    with pytest.raises(ClientError, match=r"several models: model-symbol.json, second-symbol.json"):
        read(mlp)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"nodes": [{"op": "null"}], "heads": []}', '{"nodes": 3, "heads": 4}']
)
def test_a_damaged_symbol_is_refused(mlp, text):
    (mlp / "model-symbol.json").write_text(text)
    with pytest.raises(ClientError, match=r"model-symbol.json is not a symbol as MXNet saves it"):
        read(mlp)


def test_a_symbol_whose_nodes_form_a_cycle_is_refused(mlp):
    edit(mlp, lambda document: document["nodes"][1].update(inputs=[[8, 0, 0]]))
    with pytest.raises(ClientError, match="takes a later one as its input"):
        read(mlp)


def test_missing_parameters_are_all_named(tmp_path, mlp_without):
    folder = mlp_without(tmp_path / "model", ["fc1_bias", "fc3_weight"])
    with pytest.raises(
        ClientError, match=r"model-0000.params lacks parameters .*: fc1_bias, fc3_weight\. Save"
    ):
        read(folder)


def test_a_wrong_input_name_names_those_that_exist(mlp):
    with pytest.raises(
        ClientError, match=r"names image, which .* and lacks data\. The inputs of the model: data\."
    ):
        read(mlp, {"image": [1, 784]})


def test_a_parameter_is_not_an_input(mlp):
    with pytest.raises(ClientError, match=r"names fc1_weight, .*The inputs of the model: data"):
        read(mlp, SHAPES | {"fc1_weight": [1, 1]})


def test_a_wrong_shape_names_node_parameter_and_both_shapes(mlp):
    with pytest.raises(
        ClientError,
        match=r"Node fc1 \(FullyConnected\).*fc1_weight has the shape \[128, 784\], .* asks for \[128, 785\]",
    ):
        read(mlp, {"data": [1, 785]})


def test_unsupported_operators_are_all_listed_with_their_nodes_before_any_other_work(mlp):
    def change(document):
        document["nodes"][1]["op"] = "Strange"
        document["nodes"][5]["op"] = "CTCLoss"
        document["nodes"][9]["op"] = "CTCLoss"

    (mlp / "model-0000.params").write_bytes(b"damaged")
    edit(mlp, change)
    with pytest.raises(
        ClientError, match=r"Strange \(flatten0\); CTCLoss \(relu_fc1, relu_fc2\)\. .*uncompiled"
    ):
        read(mlp)


def test_an_operator_that_no_output_needs_does_not_matter(mlp):
    edit(
        mlp, lambda document: document["nodes"].append({"op": "Strange", "name": "x", "inputs": [[0, 0, 0]]})
    )
    assert "Strange" not in read(mlp).operators


@pytest.mark.parametrize("change", [{"num_hidden": "many"}, {}])
def test_an_attribute_that_is_missing_or_no_number_names_the_node(mlp, change):
    edit(mlp, lambda document: document["nodes"][4].update(attrs=change))
    with pytest.raises(
        ClientError, match=r"Node fc1 \(FullyConnected\) of the symbol is not as MXNet writes it"
    ):
        read(mlp)


@pytest.mark.parametrize(
    ("node", "member", "value"),
    [
        *[(3, "op", value) for value in (None, 5, [])],
        *[(0, "name", value) for value in (None, 5, [[]], {})],
        *[(4, "attrs", value) for value in ({"num_hidden": 128}, {"num_hidden": None}, [1], "text")],
        *[(4, "inputs", value) for value in ([[-1, 0, 0]], [[99, 0, 0]], [0], [["a", 0]], None)],
    ],
)
def test_a_node_that_is_not_as_mxnet_writes_it_is_refused(mlp, node, member, value):
    edit(mlp, lambda document: document["nodes"][node].update({member: value}))
    with pytest.raises(ClientError, match="model-symbol.json is not a symbol as MXNet saves it"):
        read(mlp)


@pytest.mark.parametrize("heads", [[], [[-1, 0, 0]], [[99, 0, 0]], 5, [[]]])
def test_heads_that_are_no_nodes_are_refused(mlp, heads):
    edit(mlp, lambda document: document.update(heads=heads))
    with pytest.raises(ClientError, match="model-symbol.json is not a symbol as MXNet saves it"):
        read(mlp)


def test_a_head_that_its_node_does_not_have_is_refused(mlp):
    edit(mlp, lambda document: document["heads"][0].__setitem__(1, 3))
    with pytest.raises(ClientError, match="output 3 of the node softmax .* does not exist"):
        read(mlp)


def test_too_few_inputs_name_the_node(mlp):
    edit(mlp, lambda document: document["nodes"][5].update(op="elemwise_add", attrs={}))
    with pytest.raises(ClientError, match=r"Node relu_fc1 \(elemwise_add\) cannot take its inputs"):
        read(mlp)


def test_an_attribute_that_is_no_tuple_names_the_node(mlp):
    edit(mlp, lambda document: document["nodes"][5].update(op="Reshape", attrs={"shape": "{[]: 1}"}))
    with pytest.raises(
        ClientError, match=r"Node relu_fc1 \(Reshape\) of the symbol is not as MXNet writes it"
    ):
        read(mlp)


@pytest.mark.parametrize("dtype", ["\u00b2", "object", "99", ""])
def test_an_unknown_dtype_of_an_input_is_refused(mlp, dtype):
    edit(mlp, lambda document: document["nodes"][0].update(attrs={"__dtype__": dtype}))
    with pytest.raises(ClientError, match="The input data has the dtype .* can be compiled"):
        read(mlp)


@pytest.mark.parametrize("key", ["attr", "param"])
def test_old_spellings_of_attributes_are_read(mlp, key):
    def change(document):
        for node in document["nodes"]:
            node[key] = node.pop("attrs")

    edit(mlp, change)
    assert read(mlp).operators["FullyConnected"] == 3


def test_a_batch_norm_of_before_0_9_finds_its_auxiliary_states(tmp_path, symbol):
    sources = [symbol.variable(name) for name in ("data", "bn_gamma", "bn_beta")]
    symbol.node("BatchNorm", "bn", sources)
    ones = np.ones(3, np.float32)
    names = ("bn_gamma", "bn_beta", "bn_moving_mean", "bn_moving_var")
    folder = symbol.save(tmp_path, dict.fromkeys(names, ones))
    assert read(folder, {"data": [1, 3]}).model.graph.node[0].op_type == "BatchNormalization"


def test_half_precision_is_widened_and_reported(tmp_path, symbol):
    weights = [symbol.variable("data"), symbol.variable("fc_weight")]
    symbol.node("FullyConnected", "fc", weights, {"num_hidden": 2, "no_bias": True})
    imported = read(symbol.save(tmp_path, {"fc_weight": np.ones((2, 3), np.float16)}), {"data": [1, 3]})
    assert imported.model.graph.input[0].type.tensor_type.elem_type == 1
    assert "half precision" in imported.findings[0]


def test_double_precision_stays_and_an_input_has_the_dtype_it_declares(tmp_path, symbol):
    weights = [symbol.variable("data"), symbol.variable("fc_weight")]
    symbol.node("FullyConnected", "fc", weights, {"num_hidden": 2, "no_bias": True})
    folder = symbol.save(tmp_path / "a", {"fc_weight": np.ones((2, 3))})
    assert read(folder, {"data": [1, 3]}).model.graph.input[0].type.tensor_type.elem_type == 11
    symbol.nodes.clear()
    symbol.node("identity", "same", [symbol.variable("data", __dtype__="4")])
    folder = symbol.save(tmp_path / "b", {})
    assert read(folder, {"data": [1, 3]}).model.graph.input[0].type.tensor_type.elem_type == 6


def test_an_unknown_framework_names_those_that_are_there():
    with pytest.raises(ClientError, match="KERAS cannot be compiled yet; MXNET and ONNX can"):
        find_frontend("KERAS")


def test_parameters_of_more_than_2_gib_are_refused_without_being_read(mlp):
    with (mlp / "model-0000.params").open("r+b") as file:
        file.truncate(3 * 2**30)  # takes no room on the disk
    with pytest.raises(
        ClientError, match=r"model-0000.params has 3.00 GiB of weights, and models of less than 2 GiB"
    ):
        read(mlp)


def test_parameters_of_half_precision_count_as_what_they_become(tmp_path, symbol, monkeypatch):
    weights = [symbol.variable("data"), symbol.variable("fc_weight")]
    symbol.node("FullyConnected", "fc", weights, {"num_hidden": 64, "no_bias": True})
    folder = symbol.save(tmp_path, {"fc_weight": np.ones((64, 64), np.float16)})
    monkeypatch.setattr(sizes, "LARGEST", 64 * 64 * 4)
    read(folder, {"data": [1, 64]})
    monkeypatch.setattr(sizes, "LARGEST", 64 * 64 * 4 - 1)
    with pytest.raises(ClientError, match="models of less than 2 GiB"):
        read(folder, {"data": [1, 64]})
