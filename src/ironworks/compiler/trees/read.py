"""Reads `TreeEnsembleRegressor`, `TreeEnsembleClassifier` and `TreeEnsemble` of ai.onnx.ml."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from ironworks.compiler.backends.candidate import BackendSkipped
from ironworks.compiler.trees.ensemble import POST_TRANSFORMS, Ensemble, Leaf, Node, Split

OPERATORS = ("TreeEnsembleRegressor", "TreeEnsembleClassifier", "TreeEnsemble")

_MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER")
_AGGREGATES = ("AVERAGE", "SUM", "MIN", "MAX")
"""In the order of the numbers that `TreeEnsemble` has for them."""
_MOST_MEMBERS = 64
_DEEPEST = 400
"""Of a tree: walking it is recursive here."""


def read_ensemble(node: onnx.NodeProto) -> Ensemble:
    """The ensemble that `node` computes.

    Raises:
        BackendSkipped: it has something that is not covered; the message says what.
    """
    attributes = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    for name in attributes:
        if name.endswith("_as_tensor"):
            raise BackendSkipped(f"{node.op_type} {node.name} has thresholds or weights of float64 ({name})")
    if node.op_type == "TreeEnsemble":
        return _read_combined(attributes)
    return _read_classic(attributes, "class" if node.op_type == "TreeEnsembleClassifier" else "target")


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _read_classic(attributes: Mapping[str, Any], kind: str) -> Ensemble:
    """Versions 1 and 3: nodes by tree and number, weights by leaf."""
    get: Callable[..., Any] = attributes.get
    weights: dict[tuple[int, int], list[tuple[int, float]]] = {}
    for tree, node, target, weight in zip(
        get(f"{kind}_treeids", ()),
        get(f"{kind}_nodeids", ()),
        get(f"{kind}_ids", ()),
        get(f"{kind}_weights", ()),
        strict=True,
    ):
        weights.setdefault((tree, node), []).append((target, weight))
    trees, nodes = list(get("nodes_treeids")), list(get("nodes_nodeids"))
    places = {key: position for position, key in enumerate(zip(trees, nodes, strict=True))}
    missing = get("nodes_missing_value_tracks_true") or [0] * len(nodes)
    modes = [_text(mode) for mode in get("nodes_modes")]
    true, false = get("nodes_truenodeids"), get("nodes_falsenodeids")
    features, values = get("nodes_featureids"), get("nodes_values")

    def build(tree: int, number: int, depth: int = 0) -> Node:
        _check_depth(depth)
        at = places[tree, number]
        if modes[at] == "LEAF":
            return Leaf(tuple(weights.get((tree, number), ())))
        yes, no = build(tree, true[at], depth + 1), build(tree, false[at], depth + 1)
        return _branch(modes[at], features[at], values[at], bool(missing[at]), yes, no)

    children = {
        (tree, child)
        for ids in (true, false)
        for tree, child, mode in zip(trees, ids, modes, strict=True)
        if mode != "LEAF"
    }
    roots = [key for key in places if key not in children]
    found = [build(*root) for root in roots]
    base = tuple(map(float, get("base_values") or ()))
    post = _text(get("post_transform", b"NONE"))
    if kind == "target":
        return _checked(
            Ensemble(found, int(get("n_targets", 1)), _text(get("aggregate_function", b"SUM")), post, base)
        )
    if get("classlabels_strings"):
        raise BackendSkipped("TreeEnsembleClassifier answers strings, which tensors of numbers cannot hold")
    labels = tuple(get("classlabels_int64s"))
    scored = {target for items in weights.values() for target, _ in items}
    if len(labels) != 2 or len(scored) != 1:
        return _checked(Ensemble(found, len(labels), "SUM", post, base, labels))
    if scored != {0}:
        raise BackendSkipped("TreeEnsembleClassifier scores the second of two classes alone")
    positive = all(weight >= 0 for items in weights.values() for _, weight in items)
    return _checked(Ensemble(found, 1, "SUM", post, base, labels, binary=True, positive=positive))


def _read_combined(attributes: Mapping[str, Any]) -> Ensemble:
    """Version 5: nodes in one list, leaves in another."""
    get: Callable[..., Any] = attributes.get
    splits, modes = numpy_helper.to_array(get("nodes_splits")), numpy_helper.to_array(get("nodes_modes"))
    leaf_weights = numpy_helper.to_array(get("leaf_weights"))
    if splits.dtype != np.float32:
        raise BackendSkipped(f"TreeEnsemble has thresholds of {splits.dtype}")
    missing = get("nodes_missing_value_tracks_true") or [0] * len(splits)
    members = _member_sets(get("membership_values"))
    sets = dict(
        zip((i for i, mode in enumerate(modes) if _MODES[mode] == "BRANCH_MEMBER"), members, strict=True)
    )
    leaves = [
        Leaf(((int(target), float(weight)),))
        for target, weight in zip(get("leaf_targetids"), leaf_weights, strict=True)
    ]

    def child(at: int, side: str, depth: int) -> Node:
        number = get(f"nodes_{side}nodeids")[at]
        return leaves[number] if get(f"nodes_{side}leafs")[at] else build(number, depth + 1)

    def build(at: int, depth: int = 0) -> Node:
        _check_depth(depth)
        yes, no = child(at, "true", depth), child(at, "false", depth)
        mode, feature = _MODES[modes[at]], int(get("nodes_featureids")[at])
        if mode == "BRANCH_MEMBER":
            return _member(sets[at], feature, bool(missing[at]), yes, no)
        return _branch(mode, feature, float(splits[at]), bool(missing[at]), yes, no)

    return _checked(
        Ensemble(
            [build(root) for root in get("tree_roots")],
            int(get("n_targets", 1)),
            _AGGREGATES[get("aggregate_function", 1)],
            POST_TRANSFORMS[get("post_transform", 0)],
            (),
        )
    )


def _member_sets(tensor: onnx.TensorProto | None) -> list[list[float]]:
    """The sets, which NaN ends, one after the other."""
    sets: list[list[float]] = [[]]
    for value in numpy_helper.to_array(tensor) if tensor is not None else ():
        if np.isnan(value):
            sets.append([])
        else:
            sets[-1].append(float(value))
    return sets[:-1] if not sets[-1] else sets


def _member(values: Sequence[float], feature: int, missing: bool, yes: Node, no: Node) -> Node:
    if len(values) > _MOST_MEMBERS:
        raise BackendSkipped(
            f"TreeEnsemble tests for one of {len(values)} values; {_MOST_MEMBERS} are covered"
        )
    for value in values:
        no = _branch("BRANCH_EQ", feature, value, missing, yes, no)
    return no


def _branch(mode: str, feature: int, value: float, missing: bool, yes: Node, no: Node) -> Node:
    """Every test as one or two of the kinds `<` and `≤`; comparisons with NaN are false unless it is `missing`."""
    match mode:
        case "BRANCH_LT" | "BRANCH_LEQ":
            return Split(feature, value, mode == "BRANCH_LEQ", missing, yes, no)
        case "BRANCH_GT" | "BRANCH_GTE":
            return Split(feature, value, mode == "BRANCH_GT", not missing, no, yes)
        case "BRANCH_EQ":
            return Split(
                feature, value, False, not missing, no, Split(feature, value, True, missing, yes, no)
            )
        case "BRANCH_NEQ":
            # NaN is unequal to everything, so it takes the true branch with the flag and without.
            return Split(feature, value, False, True, yes, Split(feature, value, True, False, no, yes))
    raise BackendSkipped(f"a tree has a node of the kind {mode}")


def _check_depth(depth: int) -> None:
    if depth > _DEEPEST:
        raise BackendSkipped(f"a tree is deeper than {_DEEPEST} nodes")


def _checked(ensemble: Ensemble) -> Ensemble:
    if ensemble.aggregate in ("MIN", "MAX") and ensemble.targets > 1:
        raise BackendSkipped(f"the aggregate {ensemble.aggregate} of several targets is not covered")
    if ensemble.post_transform == "PROBIT" and ensemble.labels:
        raise BackendSkipped("the transform PROBIT of a classifier is not covered")
    if len(ensemble.base) not in (0, ensemble.targets):
        raise BackendSkipped(
            f"{len(ensemble.base)} base values for {ensemble.targets} targets are not covered"
        )
    return ensemble
