"""Ensembles of trees against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from tests.compiler.native.networks import TARGET

import ironworks
from ironworks.compiler import building
from ironworks.compiler.backends import BackendSkipped, BuildOptions, describe, find_backend
from ironworks.compiler.graph import checked
from ironworks.compiler.tensors import described_inputs, described_outputs
from ironworks.runtime import CompiledModel, engines

MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]
FEATURES = 5
DATA = Path(__file__).parent / "data"
"""Models that XGBoost 3.2 and LightGBM 4.7 trained on rows with missing values, what they answer, and rows."""
QUICK = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def model_of(node, outputs, rows, features=FEATURES, version=3):
    """A checked model of one node over `rows` rows."""
    kinds = {"label": TensorProto.INT64}
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [rows, features])],
        [
            helper.make_tensor_value_info(n, kinds.get(n, TensorProto.FLOAT), shape)
            for n, shape in outputs.items()
        ],
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("ai.onnx.ml", version)]
    return checked(helper.make_model(graph, opset_imports=opsets, ir_version=9))


def random_trees(random, count, depth, modes, targets):
    """Attributes of `nodes_…`, and leaves as (tree, node, target, weight); thresholds are few, so ties occur."""
    nodes = {
        name: []
        for name in (
            "treeids",
            "nodeids",
            "featureids",
            "values",
            "modes",
            "truenodeids",
            "falsenodeids",
            "missing_value_tracks_true",
        )
    }
    leaves: list[tuple[int, int, int, float]] = []
    for tree in range(count):
        number = 0

        def grow(level, tree=tree):
            nonlocal number
            at, number = number, number + 1
            row = len(nodes["nodeids"])
            leaf = level == depth or (level > 0 and random.random() < 0.3)
            values = {
                "treeids": tree,
                "nodeids": at,
                "featureids": int(random.integers(FEATURES)),
                "values": float(np.float32(random.integers(-3, 4) / 3)),
                "modes": "LEAF" if leaf else str(random.choice(modes)),
                "truenodeids": 0,
                "falsenodeids": 0,
                "missing_value_tracks_true": int(random.integers(2)),
            }
            for name, value in values.items():
                nodes[name].append(value)
            if leaf:
                for target in targets(tree):
                    leaves.append((tree, at, target, float(np.float32(random.standard_normal()))))
            else:
                nodes["truenodeids"][row] = grow(level + 1)
                nodes["falsenodeids"][row] = grow(level + 1)
            return at

        grow(0)
    return {f"nodes_{name}": values for name, values in nodes.items()}, leaves


def leaf_attributes(kind, leaves):
    trees, nodes, targets, weights = zip(*leaves, strict=True)
    return {
        f"{kind}_treeids": trees,
        f"{kind}_nodeids": nodes,
        f"{kind}_ids": targets,
        f"{kind}_weights": weights,
    }


def rows_of(random, count):
    """Thresholds themselves, numbers between them, and what is no finite number."""
    rows = random.integers(-4, 5, (count, FEATURES)).astype(np.float32) / np.float32(3)
    rows += np.where(random.random(rows.shape) < 0.3, random.standard_normal(rows.shape), 0).astype(
        np.float32
    )
    odd = random.choice([np.nan, np.inf, -np.inf], rows.shape).astype(np.float32)
    some = (random.random(rows.shape) < 0.3) & (random.random((count, 1)) < 0.5)
    return np.where(some, odd, rows).astype(np.float32)


def run(model, folder, rows):
    """Our answers, and ONNX Runtime's."""
    (candidate,) = find_backend("trees").build(model, TARGET, folder, BuildOptions())
    manifest = describe(candidate, TARGET, described_inputs(model), described_outputs(model))
    found = CompiledModel(manifest, engines.start(manifest, folder, 1)).run(rows)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return found, session.run(None, {"x": rows})


def assert_equal(found, wanted):
    for ours, theirs in zip(found, wanted, strict=True):
        if ours.dtype == np.int64:
            np.testing.assert_array_equal(ours, theirs)
        else:
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@QUICK
@given(data=st.data())
def test_a_regressor_of_any_kind(data, tmp_path_factory):
    draw = data.draw
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    targets = draw(st.integers(1, 3))
    aggregate = draw(
        st.sampled_from(["SUM", "AVERAGE", "MIN", "MAX"] if targets == 1 else ["SUM", "AVERAGE"])
    )
    # ONNX Runtime leaves a single target as it is, whatever the transform.
    post = draw(st.sampled_from(["NONE", "LOGISTIC", "SOFTMAX"])) if targets > 1 else "NONE"
    several = draw(st.booleans())
    nodes, leaves = random_trees(
        random,
        draw(st.integers(targets, 20)),  # a target that no tree scores gets no base value from ONNX Runtime
        draw(st.integers(1, 6)),
        MODES if draw(st.booleans()) else ["BRANCH_LEQ"],
        lambda tree: range(targets) if several else [tree % targets],
    )
    base = (
        [float(np.float32(item)) for item in random.standard_normal(targets)] if draw(st.booleans()) else []
    )
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["x"],
        ["y"],
        domain="ai.onnx.ml",
        n_targets=targets,
        aggregate_function=aggregate,
        post_transform=post,
        **({"base_values": base} if base else {}),
        **nodes,
        **leaf_attributes("target", leaves),
    )
    rows = rows_of(random, draw(st.integers(1, 9)))
    model = model_of(node, {"y": [len(rows), targets]}, len(rows))
    assert_equal(*run(model, tmp_path_factory.mktemp("m"), rows))


@QUICK
@given(data=st.data())
def test_a_classifier_of_any_kind(data, tmp_path_factory):
    draw = data.draw
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    classes = draw(st.integers(2, 4))
    one_score = classes == 2 and draw(st.booleans())
    nodes, leaves = random_trees(
        random,
        draw(st.integers(1, 20)),
        4,
        MODES,
        (lambda _: [0]) if one_score else (lambda tree: [tree % classes] if tree else range(classes)),
    )
    if one_score and draw(st.booleans()):
        count = 1 + max(leaf[0] for leaf in leaves)
        leaves = [(tree, at, target, abs(weight) % 1 / count) for tree, at, target, weight in leaves]
    post = draw(
        st.sampled_from(
            ["NONE", "LOGISTIC"] if one_score else ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"]
        )
    )
    labels = random.permutation(50)[:classes]
    node = helper.make_node(
        "TreeEnsembleClassifier",
        ["x"],
        ["label", "scores"],
        domain="ai.onnx.ml",
        classlabels_int64s=labels.tolist(),
        post_transform=post,
        **nodes,
        **leaf_attributes("class", leaves),
    )
    rows = rows_of(random, draw(st.integers(1, 9)))
    model = model_of(node, {"label": [len(rows)], "scores": [len(rows), classes]}, len(rows))
    found, wanted = run(model, tmp_path_factory.mktemp("m"), rows)
    if classes == 2 and not one_score:  # where ONNX Runtime answers 0 and 1, whatever the labels are
        wanted[0] = labels[wanted[1].argmax(1)]
    assert_equal(found, wanted)


def combined(members, **changes):
    """Version 5: one test for membership, one for `≤`."""
    attributes = {
        "n_targets": 2,
        "tree_roots": [0],
        "nodes_featureids": [0, 1],
        "nodes_splits": numpy_helper.from_array(np.float32([0, 0.5])),
        "nodes_modes": numpy_helper.from_array(np.uint8([6, 0])),
        "nodes_truenodeids": [0, 1],
        "nodes_trueleafs": [1, 1],
        "nodes_falsenodeids": [1, 2],
        "nodes_falseleafs": [0, 1],
        "leaf_targetids": [0, 1, 0],
        "leaf_weights": numpy_helper.from_array(np.float32([1.5, -2, 7])),
        "membership_values": numpy_helper.from_array(np.float32([*members, np.nan])),
    }
    return helper.make_node("TreeEnsemble", ["x"], ["y"], domain="ai.onnx.ml", **(attributes | changes))


def test_a_test_for_membership(tmp_path):
    rows = np.float32(
        [[1, 0, 0, 0, 0], [2, 0, 0, 0, 0], [3, 0, 0, 0, 0], [3, 1, 0, 0, 0], [np.nan, 1, 0, 0, 0]]
    )
    model = model_of(combined([1, 3, 7]), {"y": [5, 2]}, 5, version=5)
    assert_equal(*run(model, tmp_path, rows))


def test_outputs_in_another_order_and_alone(tmp_path):
    random = np.random.default_rng(3)
    nodes, leaves = random_trees(random, 5, 3, MODES, lambda tree: [tree % 3])
    node = helper.make_node(
        "TreeEnsembleClassifier",
        ["x"],
        ["label", "scores"],
        domain="ai.onnx.ml",
        classlabels_int64s=[4, 2, 9],
        **nodes,
        **leaf_attributes("class", leaves),
    )
    rows = rows_of(random, 6)
    for number, outputs in enumerate(({"scores": [6, 3], "label": [6]}, {"scores": [6, 3]}, {"label": [6]})):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert_equal(*run(model_of(node, outputs, 6), folder, rows))


def deep_tree(depth):
    """A tree that only ever goes on to the right."""
    count = 2 * depth + 1
    inner = [at % 2 == 0 and at < count - 1 for at in range(count)]
    return {
        "nodes_treeids": [0] * count,
        "nodes_nodeids": list(range(count)),
        "nodes_featureids": [0] * count,
        "nodes_values": [float(at) for at in range(count)],
        "nodes_modes": ["BRANCH_LT" if is_inner else "LEAF" for is_inner in inner],
        "nodes_truenodeids": [at + 1 if is_inner else 0 for at, is_inner in enumerate(inner)],
        "nodes_falsenodeids": [at + 2 if is_inner else 0 for at, is_inner in enumerate(inner)],
        "target_treeids": [0] * (depth + 1),
        "target_nodeids": [at for at, is_inner in enumerate(inner) if not is_inner],
        "target_ids": [0] * (depth + 1),
        "target_weights": [float(at) for at in range(depth + 1)],
        "n_targets": 1,
    }


def regressor(**attributes):
    node = helper.make_node("TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", **attributes)
    return model_of(node, {"y": [2, 1]}, 2)


def test_a_deep_tree(tmp_path):
    rows = np.zeros((2, FEATURES), np.float32)
    rows[:, 0] = [100, 3]
    assert_equal(*run(regressor(**deep_tree(100)), tmp_path, rows))


def test_probit(tmp_path):
    changes = {"post_transform": "PROBIT", "target_weights": [0.1, 0.5, 0.9, 0.99]}
    rows = np.float32([[0, 0, 0, 0, 0], [1, 0, 0, 0, 0]])
    found, wanted = run(regressor(**(deep_tree(3) | changes)), tmp_path, rows)
    np.testing.assert_allclose(found[0], wanted[0], atol=1e-5)


@pytest.fixture
def trees_only(monkeypatch):
    """No other backend takes part, so that no timing decides what a test looks at."""
    monkeypatch.setattr(building, "BACKENDS", ("trees",))


@pytest.mark.parametrize("name", ["binary", "classes", "regressor"])
@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_a_model_answers_as_the_library_that_trained_it(library, name, tmp_path, trees_only):
    answers = np.load(DATA / "answers.npz")
    rows = answers["x"]
    artifact = ironworks.compile(
        DATA / f"{library}-{name}.onnx", {"x": list(rows.shape)}, output=tmp_path / "model.tar.gz"
    )
    assert artifact.report.chosen.startswith("native")
    np.testing.assert_allclose(
        artifact.load().run(rows)[-1], answers[f"{library}-{name}"], atol=2e-6, rtol=1e-5
    )


@pytest.mark.parametrize("name", ["xgboost-classes", "lightgbm-binary", "xgboost-regressor"])
def test_any_number_of_rows_is_answered_as_the_library_does(name, tmp_path, trees_only):
    answers = np.load(DATA / "answers.npz")
    artifact = ironworks.compile(
        DATA / f"{name}.onnx", batch_sizes=[1, 7], output=tmp_path / "model.tar.gz", target="ml_c5"
    )
    assert [batch.chosen.startswith("native") for batch in artifact.report.batches] == [True, True]
    model = artifact.load()
    for rows in (1, 5, 7, 11, len(answers["x"])):
        found = model.run(answers["x"][:rows])
        np.testing.assert_allclose(found[-1], answers[name][:rows], atol=2e-6, rtol=1e-5)
        assert all(len(array) == rows for array in found)


REFUSED = {
    "deeper than 400": lambda: regressor(**deep_tree(401)),
    "MIN of several targets": lambda: regressor(
        **(deep_tree(3) | {"n_targets": 2, "aggregate_function": "MIN"})
    ),
    "the kind BRANCH_ODD": lambda: regressor(
        **(deep_tree(1) | {"nodes_modes": ["BRANCH_ODD", "LEAF", "LEAF"]})
    ),
    "one of 65 values": lambda: model_of(combined(range(65)), {"y": [2, 2]}, 2, version=5),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_not_covered_is_refused(reason, tmp_path):
    try:
        model = REFUSED[reason]()
    except onnx.shape_inference.InferenceError:
        pytest.skip("ONNX itself refuses the model")
    with pytest.raises(BackendSkipped, match=reason):
        find_backend("trees").build(model, TARGET, tmp_path, BuildOptions())


def test_strings_are_refused(tmp_path):
    nodes, leaves = random_trees(np.random.default_rng(0), 1, 1, MODES, lambda _: [0])
    node = helper.make_node(
        "TreeEnsembleClassifier",
        ["x"],
        ["label", "scores"],
        domain="ai.onnx.ml",
        classlabels_strings=["a", "b"],
        **nodes,
        **leaf_attributes("class", leaves),
    )
    model = model_of(node, {"scores": [2, 2]}, 2)
    with pytest.raises(BackendSkipped, match="strings"):
        find_backend("trees").build(model, TARGET, tmp_path, BuildOptions())


def test_one_score_of_the_second_class_is_refused(tmp_path):
    nodes, leaves = random_trees(np.random.default_rng(0), 2, 2, MODES, lambda _: [1])
    node = helper.make_node(
        "TreeEnsembleClassifier",
        ["x"],
        ["label", "scores"],
        domain="ai.onnx.ml",
        classlabels_int64s=[0, 1],
        **nodes,
        **leaf_attributes("class", leaves),
    )
    with pytest.raises(BackendSkipped, match="the second of two classes alone"):
        find_backend("trees").build(model_of(node, {"scores": [2, 2]}, 2), TARGET, tmp_path, BuildOptions())


def test_a_model_without_trees_is_another_backends(tmp_path):
    node = helper.make_node("Relu", ["x"], ["y"])
    with pytest.raises(BackendSkipped, match="the model has none"):
        find_backend("trees").build(model_of(node, {"y": [2, FEATURES]}, 2), TARGET, tmp_path, BuildOptions())


def test_other_nodes_beside_the_trees_are_named(tmp_path):
    model = regressor(**deep_tree(2))
    model.graph.node.append(helper.make_node("Abs", ["y"], ["z"], "magnitude"))
    with pytest.raises(BackendSkipped, match=r"the node magnitude \(Abs\)"):
        find_backend("trees").build(model, TARGET, tmp_path, BuildOptions())


def test_one_library_walks_any_number_of_rows(tmp_path):
    random = np.random.default_rng(3)
    nodes, leaves = random_trees(random, 20, 4, ["BRANCH_LEQ"], lambda tree: [tree % 2])
    node = helper.make_node(
        "TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", n_targets=2,
        **nodes, **leaf_attributes("target", leaves),
    )  # fmt: skip
    models = [model_of(node, {"y": [rows, 2]}, rows) for rows in (1, 3, 8)]
    (candidate,) = find_backend("trees").build_batches(models, TARGET, tmp_path, BuildOptions())
    for model in models:
        inputs, outputs = described_inputs(model), described_outputs(model)
        manifest = describe(candidate, TARGET, inputs, outputs)
        rows = rows_of(random, inputs[0].shape[0])
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        found = CompiledModel(manifest, engines.start(manifest, tmp_path, 1)).run(rows)
        assert_equal(found, session.run(None, {"x": rows}))
