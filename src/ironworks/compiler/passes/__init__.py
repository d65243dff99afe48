"""Rewrites of the graph that every backend gains from: one module a pass.

A pass is a function `(model) -> int` that rewrites the model in place, equal in what it computes, and answers
how many places it changed.
"""

from __future__ import annotations

from collections.abc import Callable

import onnx

from ironworks.compiler.passes.drop_identity import drop_identity
from ironworks.compiler.passes.drop_unused_constants import drop_unused_constants
from ironworks.compiler.passes.fold_batch_norm import fold_batch_norm
from ironworks.compiler.passes.fold_constants import fold_constants
from ironworks.compiler.passes.fuse_layer_norm import fuse_layer_norm

PASSES: tuple[Callable[[onnx.ModelProto], int], ...] = (
    fold_constants,
    drop_identity,
    fuse_layer_norm,
    fold_batch_norm,
    drop_unused_constants,
)


def apply_passes(model: onnx.ModelProto) -> dict[str, int]:
    """Apply every pass in order to `model`; answer how many places each changed.

    A model with subgraphs (If, Loop, Scan) is left as it is: they use names of the graph around them.
    """
    if any(attribute.HasField("g") for node in model.graph.node for attribute in node.attribute):
        return {}
    return {rewrite.__name__: rewrite(model) for rewrite in PASSES}
