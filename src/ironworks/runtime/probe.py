"""Runs a compiled model once in a process of its own: `python -m ironworks.runtime.probe FOLDER`.

Some engines end their process on a model that they do not understand. Where that would take others with it,
this finds out beforehand.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from ironworks.runtime.engines import start
from ironworks.runtime.manifest import FILE_NAME, Manifest

_SECONDS = 120


def survives(manifest: Manifest, folder: Path) -> str:
    """Empty if the model loads and runs; otherwise how its process ended. `folder` has the compiled files."""
    (folder / FILE_NAME).write_text(manifest.to_json())
    command = [sys.executable, "-m", "ironworks.runtime.probe", str(folder)]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"it did not answer within {_SECONDS} s"
    finally:
        (folder / FILE_NAME).unlink()
    if done.returncode < 0:
        return f"it ended its process with signal {-done.returncode}"
    last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
    return "" if done.returncode == 0 else " ".join(last)


def main() -> None:
    """Load the model in the folder and run it on zeros."""
    folder = Path(sys.argv[1])
    manifest = Manifest.from_json((folder / FILE_NAME).read_bytes())
    engine = start(manifest, folder, 1)
    engine.run([np.zeros(tensor.shape, tensor.dtype) for tensor in manifest.inputs])


if __name__ == "__main__":
    main()
