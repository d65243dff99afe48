"""MXNet itself, in its own environment's interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from ironworks.compiler.frontends.mxnet.checkpoint import find_checkpoint
from ironworks.compiler.frontends.mxnet.params import read_prefixed_params, write_float32_params
from ironworks.compiler.references import Array
from ironworks.errors import ClientError, PlatformError

_WORKER = Path(__file__).with_name("mxnet_worker.py")
_TIMED_CALLS = 50


class MxnetReference:
    """A `Reference` that runs the checkpoint in the folder `model` with MXNet, in float32; a context manager.

    The interpreter starts at once, so that it is ready when the first candidate is; the model is read at the
    first run, and again when inputs have other shapes than before. Its process ends with `close`, and with this
    process.
    """

    def __init__(
        self, python: Path, model: Path, input_shapes: Mapping[str, Sequence[int]], timeout: float = 120
    ) -> None:
        """`python` is the interpreter that has MXNet; no answer may take longer than `timeout` seconds.

        Raises:
            PlatformError: the interpreter cannot be started.
        """
        self._model = model
        self._shapes = {name: list(shape) for name, shape in input_shapes.items()}
        self._timeout = timeout
        self._version = ""
        self._folder = tempfile.TemporaryDirectory(prefix="ironworks-mxnet-")
        self._log = Path(self._folder.name, "log")
        try:
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(
                    [python, "-I", _WORKER],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    env=os.environ | {"OMP_NUM_THREADS": "1", "MXNET_SUBGRAPH_VERBOSE": "0"},
                )
        except OSError as error:
            self._folder.cleanup()
            raise PlatformError(
                f"MXNet's interpreter {python} cannot be started ({error}), so the model cannot be verified. "
                "Make its environment again."
            ) from error

    @property
    def name(self) -> str:
        """`MXNet 1.9.1`, once the model was run."""
        return f"MXNet {self._version}".strip()

    def run(self, inputs: Mapping[str, Array]) -> list[Array]:
        """The outputs of the original for `inputs`.

        Raises:
            ClientError: MXNet cannot run the model, or there is none.
            PlatformError: MXNet ended or did not answer in time.
        """
        return self._forward(inputs, repeats=1)[1]

    def microseconds(self, inputs: Mapping[str, Array]) -> float | None:
        """Median time of setting the inputs, computing and fetching the outputs, in MXNet's own process."""
        first, _ = self._forward(inputs, repeats=3)
        if first * _TIMED_CALLS > 1e6:
            return first
        return self._forward(inputs, repeats=_TIMED_CALLS)[0]

    def close(self) -> None:
        """End the process and remove its files."""
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()

    def __enter__(self) -> MxnetReference:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _forward(self, inputs: Mapping[str, Array], repeats: int) -> tuple[float, list[Array]]:
        shapes = {name: list(array.shape) for name, array in inputs.items()}
        if not self._version or shapes != self._shapes:
            self._shapes = shapes
            self._load()
        given, answered = (Path(self._folder.name, f"{name}.npz") for name in ("inputs", "outputs"))
        np.savez(given, *(np.ascontiguousarray(array, np.float32) for array in inputs.values()))
        files = {"run": str(given), "outputs": str(answered)}
        reply = self._ask(files | {"names": list(inputs), "repeats": repeats})
        with np.load(answered) as archive:
            return float(reply["microseconds"]), [archive[name] for name in archive.files]

    def _load(self) -> None:
        checkpoint = find_checkpoint(self._model, "The model archive")
        params = self._in_float32(checkpoint.params)
        files = {"symbol": str(checkpoint.symbol), "params": str(params)}
        self._version = self._ask({"load": files | {"inputs": self._shapes}})["version"]

    def _in_float32(self, params: Path) -> Path:
        """The parameter file, or a copy in float32, the only dtype of MXNet's prediction interface."""
        arrays = read_prefixed_params(params)
        if all(array.dtype == np.float32 for array in arrays.values()):
            return params
        copy = Path(self._folder.name, "float32.params")
        write_float32_params(copy, arrays)
        return copy

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        expiry = threading.Timer(self._timeout, self._process.kill)
        expiry.start()
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except OSError:
            line = ""
        finally:
            expiry.cancel()
        if not line:
            tail = self._log.read_text(errors="replace")[-500:].strip()
            raise PlatformError(
                f"MXNet ended or gave no answer in {self._timeout:g} s, so the model cannot be verified. "
                f"It wrote last: {tail or 'nothing'}"
            )
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            self._refuse(reply["error"])
        return reply

    def _refuse(self, text: str) -> None:
        if text.startswith(("ImportError", "OSError")):
            raise PlatformError(f"MXNet's environment is damaged ({text}). Make it again.")
        raise ClientError(
            f"The model does not run in MXNet, so the compiled model cannot be compared with it: {text}. "
            "Load the checkpoint in MXNet, predict with the shapes of DataInputConfig, and save it again."
        )
