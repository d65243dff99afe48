"""The C source of an ensemble: what `forest.c` leaves open, and how the runtime calls it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ironworks.compiler.native.source import Weights
from ironworks.compiler.native.variants import Entry, variants_source
from ironworks.compiler.trees.ensemble import AGGREGATES, POST_TRANSFORMS, Array, Ensemble
from ironworks.compiler.trees.table import GROUP, JUMP, LEAF, LESS_EQUAL, NAN_LEFT, Table
from ironworks.runtime import Tensor

_FOREST = Path(__file__).with_name("forest.c")
_SCORE, _FLAG = 8, 4
"""Bytes of the workspace that a row needs for each of its sums, and to note whether it is finite."""


def forest_source(
    identifier: str,
    ensemble: Ensemble,
    table: Table,
    tensors: Sequence[tuple[Tensor, Sequence[Tensor]]],
    kinds: Mapping[str, str],
    weights: Weights,
) -> str:
    """C that defines `ironworks_variants_IDENTIFIER`, one for each of `tensors`: its input and its outputs.

    `kinds` says which outputs are `label` and `scores`.
    """
    functions, entries = "", []
    for number, (rows, outputs) in enumerate(tensors):
        count = rows.shape[0]
        functions += (
            f"static void run_{number}(const void *const *inputs, void *const *outputs, char *workspace,\n"
            "                  ironworks_team *team) {\n  (void)team;\n"
            f"  run_forest({count}, inputs[0], {_output(outputs, kinds, 'scores')}, "
            f"{_output(outputs, kinds, 'label')}, workspace);\n}}\n"
        )
        steps = float(GROUP * count * table.depths.sum())
        workspace = count * (_SCORE * ensemble.targets + _FLAG)
        entries.append(Entry([rows], outputs, steps, workspace, False))
    defined = _defined(ensemble, table, tensors[0][0].shape[1], weights)
    definitions = "".join(f"#define {name} {value}\n" for name, value in defined.items())
    table_of_variants = variants_source(identifier, entries)
    return f'#include "kernels.h"\n{definitions}{_FOREST.read_text()}{functions}{table_of_variants}'


def _defined(ensemble: Ensemble, table: Table, features: int, weights: Weights) -> dict[str, object]:
    """What `forest.c` needs to be defined."""
    classes = len(ensemble.labels)
    answers = 2 if ensemble.binary else ensemble.targets
    base = np.array(ensemble.base or [0.0] * ensemble.targets, np.float32)
    return {
        **{name: number for number, name in enumerate(AGGREGATES)},
        **{name: number for number, name in enumerate(POST_TRANSFORMS)},
        "AGGREGATE": ensemble.aggregate,
        "POST": ensemble.post_transform,
        "LESS_EQUAL": LESS_EQUAL,
        "NAN_LEFT": NAN_LEFT,
        "LEAF": LEAF,
        "JUMP": JUMP,
        "FEATURES": features,
        "TARGETS": ensemble.targets,
        "WIDTH": table.width,
        "GROUP": GROUP,
        "GROUPS": len(table.depths),
        "CLASSES": classes,
        "ANSWERS": answers,
        "BINARY": int(ensemble.binary),
        "POSITIVE": int(ensemble.positive),
        "SCALE": f"(1.0 / {len(ensemble.trees)})" if ensemble.aggregate == "AVERAGE" else "1.0",
        "SLOTS": _put(weights, table.slots),
        "EXACT": _put(weights, table.exact),
        "KINDS": _put(weights, table.kinds),
        "LEAVES": _put(weights, table.leaves),
        "ROOTS": _put(weights, table.roots),
        "DEPTHS": _put(weights, table.depths),
        "GROUP_TARGETS": _put(weights, table.targets),
        "BASE": _put(weights, base),
        "LABELS": _put(weights, np.array(ensemble.labels or [0], np.int64)),
    }


def _put(weights: Weights, array: Array) -> int:
    """Where the array's bytes begin among the weights, which are counted in float32."""
    data = array.tobytes()
    return weights.offset(np.frombuffer(data + bytes(-len(data) % 4), np.float32))


def _output(outputs: Sequence[Tensor], kinds: Mapping[str, str], kind: str) -> str:
    number = next((i for i, tensor in enumerate(outputs) if kinds[tensor.name] == kind), None)
    return "0" if number is None else f"outputs[{number}]"
