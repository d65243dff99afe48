"""The machine that candidates were timed on, and the versions of what built them."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version as version_of
from pathlib import Path

import numpy as np

_CPUINFO = Path("/proc/cpuinfo")
_NOTABLE = (
    *(
        "sse4_2",
        "avx",
        "f16c",
        "fma",
        "avx2",
        "avx_vnni",
        "avx512f",
        "avx512_vnni",
        "avx512_bf16",
        "avx512_fp16",
    ),
    *("amx_tile", "amx_int8", "amx_bf16"),
    *("neon", "asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2"),
)
"""Of what the system lists (x86's flags, Arm's features), those that decide how fast a model runs."""


@dataclass(frozen=True)
class Machine:
    """A processor.

    Attributes:
        processor: its name, as it calls itself.
        cores: logical ones that this process may use.
        instruction_sets: those that matter to models, by Linux' names.
        system: `Linux 6.1.0 x86_64`.
    """

    processor: str = ""
    cores: int = 0
    instruction_sets: tuple[str, ...] = ()
    system: str = ""


def this_machine() -> Machine:
    """The machine that this process runs on."""
    facts = _first_processor()
    features = set((facts.get("flags") or facts.get("Features") or "").split())
    return Machine(
        processor=facts.get("model name") or platform.processor() or platform.machine(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        instruction_sets=tuple(name for name in _NOTABLE if name in features),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
    )


def versions_of(builders: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The versions that `builders` name, and those of Python and what every compilation uses."""
    named = {name: version for versions in builders for name, version in versions.items()}
    return {**named, "python": platform.python_version(), "numpy": np.__version__, "onnx": version_of("onnx")}


def _first_processor() -> dict[str, str]:
    """What Linux says of the first core; the file is long and slow to read where there are many."""
    try:
        with _CPUINFO.open(encoding="utf-8", errors="replace") as lines:
            return _paragraph(lines)
    except OSError:
        return {}


def _paragraph(lines: Iterable[str]) -> dict[str, str]:
    facts: dict[str, str] = {}
    for line in lines:
        if not line.strip():
            break
        key, _, value = line.partition(":")
        facts[key.strip()] = value.strip()
    return facts
