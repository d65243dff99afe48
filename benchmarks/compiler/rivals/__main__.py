"""One library that runs one model, told when to run: `python -m benchmarks.compiler.rivals PLACE FOLDER WORK THREADS`.

It runs in the benchmark's own environment (or, for our own artifact, in the project's). `PLACE` is a function of
this package, `networks:onnxruntime`. It answers `ready` when its outputs lie in `WORK/answers.npz`, or `none REASON`.
Then, for each line with a number of seconds, it runs the model for about as long and answers the mean seconds of a
call.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from benchmarks.compiler.rivals import Call, Job


def arrays(answer: Any) -> list[np.ndarray]:
    """The outputs, in whatever form the library gives them."""
    if isinstance(answer, Mapping):
        return [np.asarray(item) for item in answer.values()]
    if isinstance(answer, (list, tuple)):
        return [np.asarray(item) for item in answer]
    return [np.asarray(answer)]


def feeds(path: Path) -> list[dict[str, np.ndarray]]:
    """What `preparation` has written: of each input, its arrays along a first dimension."""
    with np.load(path) as file:
        inputs = {name: file[name] for name in file.files}
    count = len(next(iter(inputs.values())))
    return [{name: np.array(arrays[number]) for name, arrays in inputs.items()} for number in range(count)]


def run_for(call: Call, seconds: float) -> float:
    """The mean seconds of a call, over about `seconds`. The first warms up; it counts only if it takes as long."""
    start = perf_counter()
    call()
    once = perf_counter() - start
    if once >= seconds:
        return once
    count = max(1, int(seconds / max(once, 1e-7)))
    start = perf_counter()
    for _ in range(count):
        call()
    return (perf_counter() - start) / count


def main() -> None:
    """Serve one library."""
    (module, function), folder, work = sys.argv[1].split(":"), Path(sys.argv[2]), Path(sys.argv[3])
    # The libraries write what they like to the standard output; the answers have a descriptor of their own.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    try:
        start = getattr(import_module(f"{__package__}.{module}"), function)
        call = start(Job(folder, feeds(folder / "inputs.npz"), int(sys.argv[4]), work))
        np.savez(work / "answers.npz", *arrays(call()))
    except Exception as error:  # whatever a library raises is its reason
        answers.write(f"none {type(error).__name__}: {' '.join(str(error).split())[:200]}\n")
        return
    answers.write("ready\n")
    with contextlib.suppress(KeyboardInterrupt):
        for line in sys.stdin:
            answers.write(f"{run_for(call, float(line))!r}\n")


if __name__ == "__main__":
    main()
