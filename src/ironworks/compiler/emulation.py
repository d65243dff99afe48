"""Runs model libraries of another architecture, so that what is compiled for it is verified there too.

The library is loaded by `predict.c`, compiled for the same architecture, under QEMU's user-mode emulation.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ironworks.compiler.toolchain import find_compiler, sysroot
from ironworks.errors import PlatformError
from ironworks.runtime import Manifest

Array = NDArray[Any]

_EMULATORS = {"aarch64": "qemu-aarch64", "armv7l": "qemu-arm", "x86_64": "qemu-x86_64"}
_SECONDS = 600


def find_emulator(architecture: str) -> str:
    """The command that runs programs of `architecture`.

    Raises:
        PlatformError: it is not installed.
    """
    name = _EMULATORS.get(architecture, f"qemu-{architecture}")
    command = shutil.which(name) or shutil.which(f"{name}-static")
    if command is None:
        raise PlatformError(
            f"Code for {architecture} is verified under emulation, which needs {name}. Install QEMU's user mode "
            "(Debian: apt-get install qemu-user) and compile again."
        )
    return command


class EmulatedModel:
    """The model library in `folder`, of another architecture: each call is a process.

    Files of calls lie beside `folder`, in `FOLDER-emulation`.
    """

    def __init__(self, manifest: Manifest, folder: Path) -> None:
        self._manifest = manifest
        self._library = folder / manifest.entry
        self._emulator = find_emulator(manifest.architecture)
        self._work = folder.with_name(f"{folder.name}-emulation")
        self._work.mkdir(exist_ok=True)
        self._program = _compile_predict(manifest.architecture, self._work)

    def run(self, inputs: Mapping[str, Array]) -> list[Array]:
        """The outputs for arrays of the manifest's shapes, by input name.

        Raises:
            PlatformError: the emulated program fails.
        """
        tensors = self._manifest.inputs
        given = [self._work / f"input-{number}" for number in range(len(tensors))]
        answered = [self._work / f"output-{number}" for number in range(len(self._manifest.outputs))]
        for path, tensor in zip(given, tensors, strict=True):
            path.write_bytes(np.ascontiguousarray(inputs[tensor.name], tensor.dtype).tobytes())
        root = sysroot(self._manifest.architecture)
        command = [self._emulator, *(["-L", root] if root else []), str(self._program), str(self._library)]
        _run([*command, *map(str, given), "--", *map(str, answered)])
        return [
            np.frombuffer(path.read_bytes(), tensor.dtype).reshape(tensor.shape)
            for path, tensor in zip(answered, self._manifest.outputs, strict=True)
        ]


def _compile_predict(architecture: str, folder: Path) -> Path:
    program = folder / "predict"
    with resources.as_file(resources.files("ironworks.runtime") / "c") as sources:
        compiler = find_compiler(architecture)
        _run([*compiler.command, "-O1", str(sources / "predict.c"), "-o", str(program), "-ldl"])
    return program


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise PlatformError(f"{command[0]} did not end within {_SECONDS} s.") from error
    if done.returncode:
        raise PlatformError(
            f"{Path(command[0]).name} failed ({done.returncode}): {done.stderr.strip()[-500:] or 'no message'}."
        )
