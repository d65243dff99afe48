"""Lays an ensemble out for the walk that `forest.c` does.

A slot has a threshold, a feature and the slot of its left child; the right child follows the left one. Leaves
point to themselves, so trees of different depths take the same steps. Sixteen trees are walked at a time:
their loads do not wait for each other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ironworks.compiler.backends.candidate import BackendSkipped
from ironworks.compiler.trees.ensemble import Array, Ensemble, Leaf, Node, Split

GROUP = 16
LESS_EQUAL, NAN_LEFT, LEAF, JUMP = 1, 2, 4, 8
"""What `forest.c` knows of a slot beside its table, for rows with infinities and NaN."""
_SLOT = np.dtype([("threshold", "<f4"), ("feature", "<u2"), ("left", "<u2")])
_MOST_SLOTS = 1 << 16


@dataclass(frozen=True)
class Table:
    """The arrays of `forest.c`.

    Attributes:
        slots: of all trees; `left` counts from the tree's root.
        exact: float32 thresholds as the model has them.
        kinds: uint8, by slot.
        leaves: float32 (slots, width): what a leaf adds to each target, or to the one target of its tree.
        roots: int32, by tree, in groups of `GROUP`.
        depths, targets: int32, by group: steps to take, and the target of its trees (0 if `width` > 1).
        width: 1, or the number of targets if trees have leaves of several.
    """

    slots: Array
    exact: Array
    kinds: Array
    leaves: Array
    roots: Array
    depths: Array
    targets: Array
    width: int


@dataclass(frozen=True)
class _Tree:
    slots: Array
    exact: Array
    kinds: Array
    leaves: Sequence[Leaf | None]
    depth: int
    target: int


def lay_out(ensemble: Ensemble) -> Table:
    """The table of `ensemble`.

    Raises:
        BackendSkipped: a tree has more nodes than the table can point to.
    """
    targets = [_targets(tree) for tree in ensemble.trees]
    single = all(len(found) <= 1 for found in targets)
    trees = [
        _flatten(tree, next(iter(found), 0) if single else 0)
        for tree, found in zip(ensemble.trees, targets, strict=True)
    ]
    trees.sort(key=lambda tree: (tree.target, tree.depth))
    groups = _groups(trees, ensemble)
    width = 1 if single else ensemble.targets
    flat = [tree for group in groups for tree in group]
    starts = np.cumsum([0, *(len(tree.slots) for tree in flat)])
    return Table(
        slots=np.concatenate([tree.slots for tree in flat]),
        exact=np.concatenate([tree.exact for tree in flat]),
        kinds=np.concatenate([tree.kinds for tree in flat]),
        leaves=np.concatenate([_leaves(tree, width) for tree in flat]),
        roots=starts[:-1].astype(np.int32),
        depths=np.array([max(tree.depth for tree in group) for group in groups], np.int32),
        targets=np.array([group[0].target for group in groups], np.int32),
        width=width,
    )


def _targets(node: Node) -> set[int]:
    found: set[int] = set()
    seen: set[int] = set()
    waiting = [node]
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, Leaf):
            found |= {target for target, _ in item.weights}
        else:
            waiting += [item.left, item.right]
    return found


def _groups(trees: Sequence[_Tree], ensemble: Ensemble) -> list[list[_Tree]]:
    """Trees of one target, sixteen at a time; the last are filled up with what changes nothing."""
    groups: list[list[_Tree]] = []
    for tree in trees:
        if not groups or len(groups[-1]) == GROUP or groups[-1][0].target != tree.target:
            groups.append([])
        groups[-1].append(tree)
    nothing = Leaf(())
    for group in groups:
        again = group[-1] if ensemble.aggregate in ("MIN", "MAX") else _flatten(nothing, group[0].target)
        group += [again] * (GROUP - len(group))
    return groups


def _flatten(root: Node, target: int) -> _Tree:
    places = {id(root): 0}
    waiting: deque[tuple[Node, int]] = deque([(root, 0)])
    slots: list[tuple[float, int, int]] = [(0.0, 0, 0)]
    exact, kinds = [0.0], [0]
    found: list[Leaf | None] = [None]
    while waiting:
        node, at = waiting.popleft()
        if isinstance(node, Leaf):
            slots[at], kinds[at], found[at] = (np.inf, 0, at), LEAF, node
            continue
        left = len(slots)
        if left + 2 > _MOST_SLOTS:
            raise BackendSkipped(f"a tree has more than {_MOST_SLOTS} nodes")
        threshold = np.float32(node.threshold)
        upper = np.nextafter(threshold, np.float32(np.inf)) if node.inclusive else threshold
        slots[at], exact[at] = (float(upper), node.feature, left), float(threshold)
        kinds[at] = (LESS_EQUAL if node.inclusive else 0) | (NAN_LEFT if node.nan_left else 0)
        for place, child in ((left, node.left), (left + 1, node.right)):
            shared = places.get(id(child)) if isinstance(child, Split) else None
            slots.append((np.inf, 0, shared or 0))
            exact.append(0.0)
            kinds.append(JUMP if shared is not None else 0)
            found.append(None)
            if shared is None:
                places[id(child)] = place
                waiting.append((child, place))
    return _Tree(
        np.array(slots, _SLOT),
        np.array(exact, np.float32),
        np.array(kinds, np.uint8),
        found,
        _depth(slots, kinds),
        target,
    )


def _depth(slots: Sequence[tuple[float, int, int]], kinds: Sequence[int]) -> int:
    """Steps from the root to the farthest leaf; a jump may lead back to an earlier slot, never in a circle."""
    depths: dict[int, int] = {}
    waiting = [0]
    while waiting:
        at = waiting[-1]
        left = slots[at][2]
        children = [] if kinds[at] & LEAF else [left] if kinds[at] & JUMP else [left, left + 1]
        unknown = [child for child in children if child not in depths]
        if unknown:
            waiting += unknown
            continue
        depths[waiting.pop()] = 1 + max(depths[child] for child in children) if children else 0
    return depths[0]


def _leaves(tree: _Tree, width: int) -> Array:
    weights = np.zeros((len(tree.slots), width), np.float64)
    for at, leaf in enumerate(tree.leaves):
        for target, weight in leaf.weights if leaf else ():
            weights[at, target if width > 1 else 0] += weight
    return weights.astype(np.float32)
