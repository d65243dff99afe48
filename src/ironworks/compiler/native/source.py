"""The C source of a program, for one instruction set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ironworks.compiler.native.c_source import kernel_source
from ironworks.compiler.native.lowering import Machine
from ironworks.compiler.native.program import Place, Program
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
        parts.append(_tensors(f"inputs_{number}", variant.inputs))
        parts.append(_tensors(f"outputs_{number}", variant.outputs))
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
        parallel = int(any("_arguments arguments" in part for part in parts))
        program = variant.program
        entries.append(
            f"  {{{len(variant.inputs)}, {len(variant.outputs)}, inputs_{number}, outputs_{number}, "
            f"{program.flops!r}, {4 * (program.workspace + _ALIGNMENT)}, {parallel}, run_{number}}},\n"
        )
    parts.append(
        f"const ironworks_generated ironworks_variants_{identifier}[] = {{\n{''.join(entries)}}};\n"
        f"const int ironworks_variant_count_{identifier} = {len(variants)};\n"
    )
    return "".join(parts)


def _tensors(name: str, tensors: Sequence[Tensor]) -> str:
    shapes, entries = "", ""
    for number, tensor in enumerate(tensors):
        sizes = ", ".join(map(str, tensor.shape)) or "0"
        shapes += f"static const int64_t {name}_shape_{number}[] = {{{sizes}}};\n"
        text = _text(tensor.name)
        entries += f'  {{{text}, "{tensor.dtype}", {len(tensor.shape)}, {name}_shape_{number}}},\n'
    return f"{shapes}static const ironworks_tensor {name}[] = {{\n{entries}}};\n"


def _text(text: str) -> str:
    """A C string; bytes that C might take for something else are written in octal."""
    safe = "".join(
        chr(byte) if chr(byte).isalnum() and byte < 128 else f"\\{byte:03o}" for byte in text.encode()
    )
    return f'"{safe}"'


def _argument(place: Place, program: Program, weights: Weights) -> str:
    memory, offset = place.memory, place.offset
    if memory.space == "weights":
        return f"weights + {weights.offset(program.weights[memory.number]) + offset}"
    if memory.space == "workspace":
        return f"(float *)workspace + {program.offsets[memory.number] + offset}"
    kind = "const float" if memory.space == "input" else "float"
    return f"({kind} *){memory.space}s[{memory.number}] + {offset}"
