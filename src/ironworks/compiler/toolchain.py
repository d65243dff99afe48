"""Compiles generated C into a model library, with the C compiler that is there."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources, util
from pathlib import Path

from ironworks.compiler.targets import Target
from ironworks.errors import PlatformError

_FLAGS = (
    "-std=gnu11",
    "-O3",
    "-fPIC",
    "-fno-math-errno",
    "-ffp-contract=fast",
    "-fvisibility=hidden",
    "-w",
)
_SECONDS = 600
_SHOWN_LINES = 6


@dataclass(frozen=True)
class Level:
    """An instruction set that code is generated for.

    Attributes:
        name: as GCC and the x86-64 ABI call it.
        flags: for the compiler.
        lanes, registers: float32 numbers in a vector, and vectors that registers hold.
        condition: a C expression that is true on processors that have it.
    """

    name: str
    flags: tuple[str, ...]
    lanes: int
    registers: int
    condition: str

    @property
    def identifier(self) -> str:
        """The name as part of a C identifier."""
        return "".join(letter if letter.isalnum() else "_" for letter in self.name)


def _supports(*features: str) -> str:
    return " && ".join(f'__builtin_cpu_supports("{feature}")' for feature in features)


_LEVELS = {
    "x86-64-v2": Level("x86-64-v2", ("-march=x86-64-v2",), 4, 16, _supports("sse4.2", "popcnt")),
    "x86-64-v3": Level("x86-64-v3", ("-march=x86-64-v3",), 8, 16, _supports("avx2", "fma", "bmi2")),
    "x86-64-v4": Level(
        "x86-64-v4",
        ("-march=x86-64-v4", "-mprefer-vector-width=512"),
        16,
        32,
        _supports("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"),
    ),
    "armv8-a": Level("armv8-a", ("-march=armv8-a",), 4, 32, "1"),
    "armv7-a": Level("armv7-a", ("-march=armv7-a", "-mfpu=neon-vfpv4", "-mfloat-abi=hard"), 4, 16, "1"),
}


@dataclass(frozen=True)
class Compiler:
    """A C compiler that makes code for some architecture."""

    command: tuple[str, ...]
    version: str

    @property
    def name(self) -> str:
        """What it is called, for people."""
        return "zig" if "ziglang" in self.command else Path(self.command[0]).name


@dataclass(frozen=True)
class Source:
    """A file of C; code of an instruction set is compiled for that `level`."""

    name: str
    text: str
    level: Level | None = None


class NoCompiler(Exception):
    """There is no C compiler for the target; `str` says what to install."""


def levels_of(target: Target) -> list[Level]:
    """The instruction sets that code for `target` is generated for, best first."""
    return [_LEVELS[name] for name in reversed(target.instruction_sets)]


def find_compiler(architecture: str) -> Compiler:
    """The first C compiler for `architecture`: `$CC`, gcc, clang or the cross gcc, and ziglang.

    Raises:
        NoCompiler: there is none.
    """
    found = next(_compilers(architecture), None)
    if found is None:
        raise NoCompiler(f"there is no C compiler for {architecture}; install {_REMEDIES[architecture]}")
    return found


def find_compilers(architecture: str) -> list[Compiler]:
    """All of them, the preferred one first; raises as `find_compiler` does."""
    first = find_compiler(architecture)
    others = [item for item in _compilers(architecture) if item.version != first.version]
    return [first, *others]


def _compilers(architecture: str) -> Iterator[Compiler]:
    for command in _commands(architecture):
        if shutil.which(command[0]) is None:
            continue
        answer = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
        if answer.returncode == 0 and answer.stdout:
            yield Compiler(command, answer.stdout.splitlines()[0])


_CROSS = {"aarch64": "aarch64-linux-gnu", "armv7l": "arm-linux-gnueabihf"}
_REMEDIES = {
    "x86_64": "gcc or clang, or ironworks[zig]",
    "aarch64": "gcc-aarch64-linux-gnu, or ironworks[zig]",
    "armv7l": "gcc-arm-linux-gnueabihf, or ironworks[zig]",
}


def _commands(architecture: str) -> list[tuple[str, ...]]:
    zig = (sys.executable, "-m", "ziglang", "cc")
    with_zig = util.find_spec("ziglang") is not None
    if architecture == os.uname().machine:
        named = [tuple(shlex.split(os.environ["CC"]))] if os.environ.get("CC") else []
        return [*named, ("gcc",), ("clang",), *([zig] if with_zig else [])]
    triple = _CROSS.get(architecture, f"{architecture}-linux-gnu")
    return [(f"{triple}-gcc",), *([(*zig, "-target", triple)] if with_zig else [])]


def sysroot(architecture: str) -> str | None:
    """The folder with the C library of another architecture, where its cross compiler's package put one."""
    folder = Path("/usr") / _CROSS.get(architecture, "")
    return str(folder) if architecture in _CROSS and folder.is_dir() else None


def build_library(
    compiler: Compiler, sources: Sequence[Source], levels: Sequence[Level], weights: bytes, output: Path
) -> None:
    """Compile `sources` and what each model library has, and link them into `output`.

    A source of a level defines `ironworks_variants_LEVEL` and `ironworks_variant_count_LEVEL`. `weights` become
    the hidden symbol `weights`, on a 64-byte boundary.

    Raises:
        PlatformError: the compiler refuses a source.
    """
    common = resources.files("ironworks.runtime") / "c"
    with tempfile.TemporaryDirectory(prefix="ironworks-build-") as work, resources.as_file(common) as headers:
        folder = Path(work)
        (folder / "weights.bin").write_bytes(weights)
        everything = [
            *sources,
            Source("levels.c", _level_table(levels)),
            Source("weights.c", _weights_source(folder / "weights.bin")),
            Source("library.c", (headers / "library.c").read_text()),
        ]

        def compile_one(source: Source) -> Path:
            path = folder / source.name
            path.write_text(source.text)
            flags = [*_FLAGS, f"-I{headers}", *(source.level.flags if source.level else ())]
            _run([*compiler.command, *flags, "-c", str(path), "-o", str(path.with_suffix(".o"))])
            return path.with_suffix(".o")

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            objects = list(pool.map(compile_one, everything))
        link = ["-shared", "-pthread", *map(str, objects), "-o", str(output), "-lm", "-Wl,-s"]
        _run([*compiler.command, *link])


def _level_table(levels: Sequence[Level]) -> str:
    lines = ['#include "kernels.h"']
    for level in levels:
        name = level.identifier
        lines += [
            f"extern const ironworks_generated ironworks_variants_{name}[];",
            f"extern const int ironworks_variant_count_{name};",
        ]
        lines.append(f"static int has_{name}(void) {{ return {level.condition}; }}")
    entries = "".join(
        f'  {{"{level.name}", has_{level.identifier}, &ironworks_variant_count_{level.identifier}, '
        f"ironworks_variants_{level.identifier}}},\n"
        for level in levels
    )
    lines.append(f"const ironworks_level ironworks_levels[] = {{\n{entries}}};")
    lines.append(f"const int ironworks_level_count = {len(levels)};")
    return "\n".join(lines) + "\n"


def _weights_source(path: Path) -> str:
    return (
        'asm(".section .rodata\\n.balign 64\\n.hidden weights\\n.globl weights\\n"\n'
        f'    "weights: .incbin \\"{path}\\"\\n.text\\n");\n'
    )


def _run(command: Sequence[str]) -> None:
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_SECONDS, errors="replace"
        )
    except subprocess.TimeoutExpired as error:
        raise PlatformError(f"The C compiler {command[0]} took longer than {_SECONDS} s.") from error
    if answer.returncode:
        lines = "\n".join(answer.stderr.splitlines()[:_SHOWN_LINES])
        raise PlatformError(f"The C compiler {command[0]} refuses generated code: {lines}")
