"""Runs a model with MXNet, for another process. This file is run as a script by MXNet's own interpreter.

Each line on standard input is a request, each line on standard output its answer, both JSON:

    {"load": {"symbol": PATH, "params": PATH, "inputs": {NAME: SHAPE}}}   ->  {"version": …}
    {"run": PATH.npz, "names": […], "outputs": PATH.npz, "repeats": N}    ->  {"microseconds": median}
    anything that fails                                                   ->  {"error": TEXT}

Only MXNet's library is loaded, through its C prediction interface (include/mxnet/c_predict_api.h): importing
the Python package generates a function for each of some thousand operators and takes ten times as long.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy

_DTYPES = {0: "float32", 1: "float64", 2: "float16", 3: "uint8", 4: "int32", 5: "int8", 6: "int64"}
_CPU = 1


class Predictor:
    """A model in MXNet's prediction interface."""

    def __init__(self, library: ctypes.CDLL, symbol: str, params: str, inputs: dict[str, list[int]]) -> None:
        self._library = library
        values = Path(params).read_bytes()
        sizes = [0]
        for shape in inputs.values():
            sizes.append(sizes[-1] + len(shape))
        dimensions = [size for shape in inputs.values() for size in shape]
        self._handle = ctypes.c_void_p()
        self._call(
            "MXPredCreate",
            Path(symbol).read_bytes(),
            values,
            len(values),
            _CPU,
            0,
            len(inputs),
            (ctypes.c_char_p * len(inputs))(*[name.encode() for name in inputs]),
            (ctypes.c_uint32 * len(sizes))(*sizes),
            (ctypes.c_uint32 * len(dimensions))(*dimensions),
            ctypes.byref(self._handle),
        )

    def forward(self, inputs: dict[str, numpy.ndarray[Any, Any]]) -> list[numpy.ndarray[Any, Any]]:
        """Compute all outputs for the arrays in `inputs`."""
        for name, array in inputs.items():
            pointer = array.ctypes.data_as(ctypes.c_void_p)
            self._call("MXPredSetInput", self._handle, name.encode(), pointer, ctypes.c_uint32(array.size))
        self._call("MXPredForward", self._handle)
        return self.outputs()

    def outputs(self) -> list[numpy.ndarray[Any, Any]]:
        """Every output; there are as many as MXNet will tell the shape of."""
        arrays: list[numpy.ndarray[Any, Any]] = []
        while True:
            dimensions, rank = ctypes.POINTER(ctypes.c_uint32)(), ctypes.c_uint32()
            index = ctypes.c_uint32(len(arrays))
            shape = (self._handle, index, ctypes.byref(dimensions), ctypes.byref(rank))
            if self._library.MXPredGetOutputShape(*shape) != 0:
                return arrays
            code = ctypes.c_int()
            self._call("MXPredGetOutputType", self._handle, index, ctypes.byref(code))
            array = numpy.empty([dimensions[axis] for axis in range(rank.value)], _DTYPES[code.value])
            pointer = array.ctypes.data_as(ctypes.c_void_p)
            self._call("MXPredGetOutput", self._handle, index, pointer, ctypes.c_uint32(array.size))
            arrays.append(array)

    def _call(self, function: str, *arguments: Any) -> None:
        if getattr(self._library, function)(*arguments) != 0:
            # What follows the first line is MXNet's own call stack.
            message = self._library.MXGetLastError().decode(errors="replace").strip()
            raise RuntimeError(message.replace("Stack trace:", "").strip().splitlines()[-1])


def load_library() -> tuple[ctypes.CDLL, str]:
    """MXNet's shared library and its version."""
    package = importlib.util.find_spec("mxnet")
    if package is None or package.origin is None:
        raise ImportError("mxnet is not installed in " + sys.prefix)
    library = ctypes.CDLL(str(Path(package.origin).with_name("libmxnet.so")))
    library.MXGetLastError.restype = ctypes.c_char_p
    number = ctypes.c_int()
    library.MXGetVersion(ctypes.byref(number))
    return library, ".".join(str(number.value // scale % 100) for scale in (10000, 100, 1))


def answer(request: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
    """Perform one request."""
    if "library" not in state:
        state["library"], state["version"] = load_library()
    if "load" in request:
        state["predictor"] = Predictor(state["library"], **request["load"])
        return {"version": state["version"]}
    with numpy.load(request["run"]) as archive:
        inputs = {name: archive[f"arr_{index}"] for index, name in enumerate(request["names"])}
    times = []
    for _ in range(request["repeats"]):
        start = time.perf_counter()
        outputs = state["predictor"].forward(inputs)
        times.append(time.perf_counter() - start)
    numpy.savez(request["outputs"], *outputs)
    return {"microseconds": statistics.median(times) * 1e6}


def main() -> None:
    """Answer requests until standard input ends."""
    # MXNet's C++ code may print: answers get a descriptor of their own, and the old one goes to the log.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    state: dict[str, Any] = {}
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line), state)
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(reply) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
