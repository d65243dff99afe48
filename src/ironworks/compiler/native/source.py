"""The C source of a program, for one instruction set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ironworks.compiler.native.c_source import C_TYPES, kernel_source
from ironworks.compiler.native.ir import For
from ironworks.compiler.native.lowering import Machine
from ironworks.compiler.native.program import Place, Program
from ironworks.compiler.native.variants import Entry, variants_source
from ironworks.runtime import Tensor

_PRELUDE = Path(__file__).with_name("prelude.h")
_ALIGNMENT = 16
"""Elements of a cache line."""


class Weights:
    """The constants of all programs of a library in one blob; equal ones are kept once."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._offsets: dict[bytes, int] = {}
        self._elements = 0

    def offset(self, array: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> int:
        """Where `array` begins, in elements; it is added if it is new."""
        content = array.tobytes()
        if content not in self._offsets:
            self._offsets[content] = self._elements
            padding = -len(array) % _ALIGNMENT
            self._parts += [content, bytes(4 * padding)]
            self._elements += len(array) + padding
        return self._offsets[content]

    @property
    def blob(self) -> bytes:
        """All of them; little-endian float32, each on a 64-byte boundary. One cache line follows the last."""
        return b"".join(self._parts) + bytes(4 * _ALIGNMENT)


@dataclass(frozen=True)
class Variant:
    """A program with the shapes that it takes and gives."""

    program: Program
    inputs: Sequence[Tensor]
    outputs: Sequence[Tensor]


def level_source(identifier: str, machine: Machine, variants: Sequence[Variant], weights: Weights) -> str:
    """C that defines `ironworks_variants_IDENTIFIER`, one entry for each of `variants`, and their number."""
    parts = [
        f"#define LANES {machine.lanes}\n",
        '#include "kernels.h"\n',
        _PRELUDE.read_text(),
        'extern const float weights[] __attribute__((visibility("hidden")));\n',
    ]
    kernels = list(dict.fromkeys(kernel for item in variants for kernel in item.program.kernels))
    names = {kernel: f"kernel_{number}" for number, kernel in enumerate(kernels)}
    parts += [kernel_source(kernel, names[kernel]) for kernel in kernels]
    entries = []
    for number, variant in enumerate(variants):
        calls = [
            f"  {names[call.kernel]}(team, "
            + ", ".join(_argument(place, variant.program, weights) for place in call.arguments)
            + ");\n"
            for call in variant.program.calls
        ]
        parts.append(
            f"static void run_{number}(const void *const *inputs, void *const *outputs, char *workspace,\n"
            f"                  ironworks_team *team) {{\n  (void)workspace;\n{''.join(calls)}}}\n"
        )
        program = variant.program
        parallel = any(
            isinstance(item.body[0], For) and item.body[0].parallel for item in program.kernels if item.body
        )
        workspace = 4 * (program.workspace + _ALIGNMENT)
        entries.append(Entry(variant.inputs, variant.outputs, program.flops, workspace, parallel))
    parts.append(variants_source(identifier, entries))
    return "".join(parts)


def _argument(place: Place, program: Program, weights: Weights) -> str:
    memory, offset = place.memory, place.offset
    if memory.space == "weights":
        return f"weights + {weights.offset(program.weights[memory.number]) + offset}"
    if memory.space == "workspace":
        return f"(float *)workspace + {program.offsets[memory.number] + offset}"
    kind = f"const {C_TYPES[memory.dtype]}" if memory.space == "input" else "float"
    return f"({kind} *){memory.space}s[{memory.number}] + {offset}"
