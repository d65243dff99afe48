"""The interpreters of the client environments: one pinned SDK each, made on demand and kept in the cache.

As a script, prints the interpreter of the environment that it is given the name of.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

PINS = Path(__file__).parent / "environments"
CACHE = Path(os.environ.get("IRONWORKS_CACHE", Path(__file__).parents[2] / ".cache")).absolute()

_PIP = ("-m", "pip", "install", "-qq", "--no-input", "--disable-pip-version-check", "--prefer-binary")


def interpreter(name: str) -> Path:
    """The Python interpreter of the environment that `environments/NAME.txt` pins.

    An environment's folder is named after its pins and the Python that makes it, so it is never out of date.

    Raises:
        FileNotFoundError: there is no such file.
        subprocess.CalledProcessError: pip failed; its output went to stderr.
    """
    pins = PINS / f"{name}.txt"
    identity = hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = CACHE / "clients" / f"{name}-{identity}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            _make(folder, pins)
    return folder / "bin" / "python"


def _make(folder: Path, pins: Path) -> None:
    # It cannot be made elsewhere and renamed, because its scripts name their interpreter: a file says it is whole.
    shutil.rmtree(folder, ignore_errors=True)
    python = str(folder / "bin" / "python")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, stdout=sys.stderr)
    subprocess.run([python, *_PIP, "--no-deps", "-r", str(pins)], check=True, stdout=sys.stderr)
    (folder / "complete").touch()


if __name__ == "__main__":
    print(interpreter(sys.argv[1]))
