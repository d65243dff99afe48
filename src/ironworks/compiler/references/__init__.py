"""The original of a model, against which candidates are verified."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from numpy.typing import NDArray

Array = NDArray[Any]


class Reference(Protocol):
    """Runs the model as it was before compilation."""

    @property
    def name(self) -> str:
        """What runs it, `MXNet 1.9.1`."""

    def run(self, inputs: Mapping[str, Array]) -> list[Array]:
        """The outputs for `inputs`, in the model's order.

        Raises:
            ClientError: the model does not run in its own framework.
            PlatformError: the framework cannot be started or does not answer.
        """

    def microseconds(self, inputs: Mapping[str, Array]) -> float | None:
        """Median time of one call inside the framework, on one thread; None where it would mean nothing."""
