"""What a caller may ask of a compilation besides the model, its shapes and the target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from ironworks.compiler.tolerance import PRECISIONS, TOLERANCES
from ironworks.errors import ClientError

MOST_THREADS = 256
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class CompileOptions:
    """How exact the compiled model has to be, and the caller's data that it is measured with.

    Attributes:
        precision: one of PRECISIONS. `f32` keeps the model's own; `auto` takes a reduced one only if it is faster
            and no less accurate on the validation data.
        tolerances: as `parse_tolerances` gives them.
        validation: examples by input name, and their `labels`.
        calibration: examples by input name, to measure the ranges of activations with.
        input_dtype: what the caller says that the inputs are; compared with the model's.
        batch_sizes: of an artifact for any number of rows; one for the shapes as they are if there are none.
        threads: how many one call may use; candidates are timed with as many.
        tune_seconds: how long our own code may be tuned by measurement.
    """

    precision: str = "f32"
    tolerances: Mapping[str, float] = field(default_factory=lambda: dict(TOLERANCES))
    validation: Arrays | None = None
    calibration: Arrays | None = None
    input_dtype: str | None = None
    batch_sizes: tuple[int, ...] = ()
    threads: int = 1
    tune_seconds: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.threads <= MOST_THREADS:
            raise ClientError(
                f"A call cannot use {self.threads} threads. Give a number from 1 to {MOST_THREADS}."
            )
        if not 0 <= self.tune_seconds < float("inf"):
            raise ClientError(
                f"Code cannot be tuned for {self.tune_seconds} seconds. Give a number from 0 up."
            )
        if self.precision not in PRECISIONS:
            raise ClientError(
                f"There is no precision {self.precision!r}. Ask for one of {', '.join(PRECISIONS)}."
            )
