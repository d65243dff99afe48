"""The libraries to measure against, in an environment of their own; and what this machine is."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from ironworks.compiler.toolchain import NoCompiler, find_compiler

ROOT = Path(__file__).parents[2]
_REQUIREMENTS = Path(__file__).with_name("requirements.txt")
_NAMED = re.compile(r"^([A-Za-z0-9-]+)", re.MULTILINE)
_VERSIONS = """
import json, sys
from importlib.metadata import version
print(json.dumps({name: version(name) for name in sys.argv[1:]}))
"""


def cache() -> Path:
    """Where downloads are kept."""
    return Path(os.environ.get("IRONWORKS_CACHE", ".cache")).absolute()


def prepare() -> Path:
    """The Python that has the libraries; they are installed when they are missing or others are asked for."""
    folder = cache() / "environments" / "benchmarks-compiler"
    python, ready = folder / "bin" / "python", folder / "ready"
    wanted = _REQUIREMENTS.read_text()
    if not ready.exists() or ready.read_text() != wanted:
        print("Installing the libraries to measure against …", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-qq", "-r", str(_REQUIREMENTS)], check=True)
        ready.write_text(wanted)
    return python


def versions(python: Path) -> dict[str, str]:
    """Of Ironworks, the C compiler and the libraries in the environment of `python`."""
    names = _NAMED.findall(_REQUIREMENTS.read_text())
    answer = subprocess.run(
        [str(python), "-c", _VERSIONS, *names], check=True, capture_output=True, text=True
    )
    found: Mapping[str, str] = json.loads(answer.stdout)
    try:
        compiler = find_compiler(platform.machine()).version
    except NoCompiler:
        compiler = "none"
    ours = f"{version('ironworks')} ({_revision()})"
    return {"Ironworks": ours, "Python": platform.python_version(), "C compiler": compiler, **found}


def processor() -> str:
    """Its name, how many cores there are, and the widest vectors."""
    text = Path("/proc/cpuinfo").read_text()
    name = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    widest = next((label for flag, label in _VECTORS if re.search(rf"\b{flag}\b", text)), "no AVX")
    return f"{name[1] if name else platform.machine()}, {os.cpu_count()} cores, {widest}"


_VECTORS = (("avx512f", "AVX-512"), ("avx2", "AVX2"), ("avx", "AVX"))


def _revision() -> str:
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude", "*"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or "no repository"
