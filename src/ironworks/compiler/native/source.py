"""The C source of a program, for one instruction set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ironworks.compiler.native.c_source import C_TYPES, kernel_source
from ironworks.compiler.native.ir import Kernel
from ironworks.compiler.native.lowering import Machine
from ironworks.compiler.native.program import Call, Memory, Place, Program, Section
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
        "typedef struct {\n  const void *const *inputs;\n  void *const *outputs;\n  char *workspace;\n} run_memory;\n",
    ]
    kernels = list(dict.fromkeys(kernel for item in variants for kernel in item.program.kernels))
    names = {kernel: f"kernel_{number}" for number, kernel in enumerate(kernels)}
    parts += [kernel_source(kernel, names[kernel]) for kernel in kernels]
    entries = []
    for number, variant in enumerate(variants):
        program = variant.program
        parts.append(_Run(program, number, names, weights).source())
        workspace, slot = 4 * (program.workspace + _ALIGNMENT), 4 * (program.slot + _ALIGNMENT)
        entries.append(
            Entry(
                inputs=variant.inputs,
                outputs=variant.outputs,
                flops=program.flops,
                workspace=workspace,
                slot=slot if program.slot else 0,
                parallel=program.parallel,
            )
        )
    parts.append(variants_source(identifier, entries))
    return "".join(parts)


class _Run:
    """Writes the function that calls a program's kernels, and one for each of its sections."""

    def __init__(self, program: Program, number: int, names: Mapping[Kernel, str], weights: Weights) -> None:
        self._program = program
        self._number = number
        self._names = names
        self._weights = weights

    def source(self) -> str:
        sections: list[str] = []
        lines: list[str] = []
        for step in self._program.steps:
            if isinstance(step, Call):
                lines.append(self._call("team", step, {}))
                continue
            name = f"section_{self._number}_{len(sections)}"
            sections.append(self._section(name, step))
            team = "team" if step.parallel else "NULL"
            lines.append(
                f"run_memory memory = {{inputs, outputs, workspace}};\n"
                f"  ironworks_parallel({team}, {name}, &memory, {step.times});"
            )
        head = (
            f"static void run_{self._number}(const void *const *inputs, void *const *outputs, char *workspace,\n"
            f"                  ironworks_team *team)"
        )
        unused = "(void)inputs, (void)outputs, (void)workspace, (void)team;"
        return "".join(sections) + _function(head, [unused, *lines])

    def _section(self, name: str, section: Section) -> str:
        """A task whose index is the time; what it needs for itself lies behind the workspace, thread by thread."""
        workspace, slot = 4 * (self._program.workspace + _ALIGNMENT), 4 * (self._program.slot + _ALIGNMENT)
        memory = [
            "const run_memory *memory = raw;",
            "const void *const *inputs = memory->inputs;",
            "void *const *outputs = memory->outputs;",
            "char *workspace = memory->workspace;",
            f"char *slot = workspace + {workspace} + (size_t)thread * {slot};",
            "(void)inputs, (void)outputs, (void)slot;",
        ]
        calls = [self._call("NULL", call, section.strides) for call in section.calls]
        return _function(f"static void {name}(void *raw, long time, int thread)", memory + calls)

    def _call(self, team: str, call: Call, strides: Mapping[Memory, int]) -> str:
        arguments = [self._argument(place, strides.get(place.memory, 0)) for place in call.arguments]
        return f"{self._names[call.kernel]}({', '.join([team, *arguments])});"

    def _argument(self, place: Place, stride: int) -> str:
        memory, offset = place.memory, place.offset
        moved = f" + time * {stride}" if stride else ""
        if memory.space == "weights":
            weights = self._program.weights[memory.number]
            return f"weights + {self._weights.offset(weights) + offset}"
        if memory.space in ("workspace", "slot"):
            return f"(float *){memory.space} + {self._program.offsets[memory.number] + offset}{moved}"
        kind = f"const {C_TYPES[memory.dtype]}" if memory.space == "input" else "float"
        return f"({kind} *){memory.space}s[{memory.number}] + {offset}{moved}"


def _function(head: str, lines: Sequence[str]) -> str:
    return f"{head} {{\n" + "".join(f"  {line}\n" for line in lines) + "}\n"
