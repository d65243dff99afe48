"""The peers' environments: made once, with pip, each from a file of requirements."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.compiler.environment import cache

from ironworks.errors import PlatformError

_REQUIREMENTS = Path(__file__).with_name("requirements")
_PINNED = re.compile(r"^([A-Za-z0-9-]+)(?:\[\w+\])?==(\S+)$", re.MULTILINE)


def prepare(name: str) -> Path:
    """The interpreter of an environment; it is made when it is not there or other requirements are asked for.

    Raises:
        PlatformError: it cannot be made; the message has the last line of what pip says.
    """
    folder = cache() / "environments" / f"benchmarks-serving-{name}"
    python, ready = folder / "bin" / "python", folder / "ready"
    requirements = _REQUIREMENTS / f"{name}.txt"
    wanted = requirements.read_text()
    if not ready.exists() or ready.read_text() != wanted:
        print(f"Installing {', '.join(versions(name))} …", file=sys.stderr, flush=True)
        _run([sys.executable, "-m", "venv", "--clear", str(folder)], name)
        _run([str(python), "-m", "pip", "install", "-qq", "-r", str(requirements)], name)
        ready.write_text(wanted)
    return python


def versions(name: str) -> Mapping[str, str]:
    """What the requirements of an environment pin."""
    return dict(_PINNED.findall((_REQUIREMENTS / f"{name}.txt").read_text()))


def _run(command: list[str], name: str) -> None:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        lines = ran.stderr.strip().splitlines() or ["it said nothing"]
        raise PlatformError(f"The environment of {name} cannot be installed: {lines[-1]}")
