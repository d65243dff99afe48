"""The API of DLR, the runtime of SageMaker Neo: code written for it runs with one changed import.

`from dlr import DLRModel` becomes `from ironworks.runtime.dlr import DLRModel`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from numpy.typing import ArrayLike

from ironworks.runtime.artifact import load
from ironworks.runtime.engines import Array
from ironworks.runtime.manifest import ArtifactError

_VERSION = "1.10.0"
"""The DLR whose behaviour this follows, its last release."""


class DLRModel:
    """A compiled model, as DLR has it."""

    def __init__(self, model_path: str | os.PathLike[str], dev_type: str = "cpu", dev_id: int = 0) -> None:
        """Load the folder or archive that a compilation wrote.

        Raises:
            ArtifactError: it cannot be loaded here, or `dev_type` is another device than the CPU.
        """
        if dev_type != "cpu" or dev_id != 0:
            raise ArtifactError(
                f"The device {dev_type} {dev_id} is not there: compiled models run on the CPU. Use dev_type='cpu'."
            )
        self._model = load(model_path)
        self._inputs: dict[str, Any] = {}
        self._outputs: list[Array] = []

    def run(self, input_values: ArrayLike | Mapping[str, ArrayLike]) -> list[Array]:
        """The outputs for an array (of a model with one input) or arrays by input name.

        Raises:
            ValueError: an input is missing, unknown, of the wrong size or not numeric.
        """
        self._outputs = self._model.run(input_values)
        if isinstance(input_values, Mapping):
            self._inputs = {**input_values}
        else:
            self._inputs = {self.get_input_names()[0]: input_values}
        return self._outputs

    def get_input(self, name: str) -> Any:
        """What the last `run` was given for the input `name`.

        Raises:
            KeyError: there is no such input, or nothing was run yet.
        """
        return self._inputs[name]

    def get_output(self, index: int) -> Array:
        """Output `index` of the last `run`.

        Raises:
            IndexError: there is no such output, or nothing was run yet.
        """
        return self._outputs[index]

    def get_input_names(self) -> list[str]:
        """The names of the inputs, in order."""
        return [tensor.name for tensor in self._model.inputs]

    def get_input_dtypes(self) -> list[str]:
        """The dtypes of the inputs, by numpy's names."""
        return [tensor.dtype for tensor in self._model.inputs]

    def get_output_names(self) -> list[str]:
        """The names of the outputs, in order."""
        return [tensor.name for tensor in self._model.outputs]

    def get_output_dtypes(self) -> list[str]:
        """The dtypes of the outputs, by numpy's names."""
        return [tensor.dtype for tensor in self._model.outputs]

    def get_version(self) -> str:
        """The version of DLR whose API this is."""
        return _VERSION
