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


def forest_source(
    identifier: str,
    ensemble: Ensemble,
    table: Table,
    rows: Tensor,
    outputs: Sequence[Tensor],
    kinds: Mapping[str, str],
    weights: Weights,
) -> str:
    """C that defines `ironworks_variants_IDENTIFIER`; `kinds` says which outputs are `label` and `scores`."""
    count, features = rows.shape
    classes = len(ensemble.labels)
    answers = 2 if ensemble.binary else ensemble.targets
    base = np.array(ensemble.base or [0.0] * ensemble.targets, np.float32)
    defined = {
        **{name: number for number, name in enumerate(AGGREGATES)},
        **{name: number for number, name in enumerate(POST_TRANSFORMS)},
        "AGGREGATE": ensemble.aggregate,
        "POST": ensemble.post_transform,
        "LESS_EQUAL": LESS_EQUAL,
        "NAN_LEFT": NAN_LEFT,
        "LEAF": LEAF,
        "JUMP": JUMP,
        "ROWS": count,
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
    workspace = 8 * count * ensemble.targets
    steps = float(GROUP * count * table.depths.sum())
    return "".join(
        [
            '#include "kernels.h"\n',
            *(f"#define {name} {value}\n" for name, value in defined.items()),
            _FOREST.read_text(),
            "static void run_0(const void *const *inputs, void *const *outputs, char *workspace,\n"
            "                  ironworks_team *team) {\n  (void)team;\n"
            f"  run_forest(inputs[0], {_output(outputs, kinds, 'scores')}, {_output(outputs, kinds, 'label')}, "
            "(double *)workspace);\n}\n",
            variants_source(identifier, [Entry([rows], outputs, steps, workspace, False)]),
        ]
    )


def _put(weights: Weights, array: Array) -> int:
    """Where the array's bytes begin among the weights, which are counted in float32."""
    data = array.tobytes()
    return weights.offset(np.frombuffer(data + bytes(-len(data) % 4), np.float32))


def _output(outputs: Sequence[Tensor], kinds: Mapping[str, str], kind: str) -> str:
    number = next((i for i, tensor in enumerate(outputs) if kinds[tensor.name] == kind), None)
    return "0" if number is None else f"outputs[{number}]"
