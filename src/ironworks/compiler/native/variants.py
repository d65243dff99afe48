"""The table of what a model library's code of one instruction set can run, as C."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ironworks.runtime import Tensor


@dataclass(frozen=True)
class Entry:
    """The function `run_NUMBER` of a source, by its position in the table.

    Attributes:
        inputs, outputs: the shapes that it takes and gives.
        flops: floating-point operations of a run.
        workspace: bytes that a run needs, a multiple of 64.
        slot: bytes that each of its threads needs besides, a multiple of 64.
        parallel: whether it uses more than one thread.
    """

    inputs: Sequence[Tensor]
    outputs: Sequence[Tensor]
    flops: float
    workspace: int
    parallel: bool
    slot: int = 0


def variants_source(identifier: str, entries: Sequence[Entry]) -> str:
    """C that defines `ironworks_variants_IDENTIFIER` and their number."""
    tensors, rows = "", ""
    for number, entry in enumerate(entries):
        tensors += _tensors(f"inputs_{number}", entry.inputs) + _tensors(f"outputs_{number}", entry.outputs)
        rows += (
            f"  {{{len(entry.inputs)}, {len(entry.outputs)}, inputs_{number}, outputs_{number}, "
            f"{entry.flops!r}, {entry.workspace}, {entry.slot}, {int(entry.parallel)}, run_{number}}},\n"
        )
    return (
        f"{tensors}const ironworks_generated ironworks_variants_{identifier}[] = {{\n{rows}}};\n"
        f"const int ironworks_variant_count_{identifier} = {len(entries)};\n"
    )


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
