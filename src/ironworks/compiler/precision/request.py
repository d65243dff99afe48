"""Which reduced precisions a compilation asks for, and with which examples they are calibrated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from numpy.typing import NDArray

from ironworks.compiler.options import CompileOptions
from ironworks.compiler.targets import Target
from ironworks.compiler.tolerance import REDUCED
from ironworks.compiler.validation.examples import match_examples
from ironworks.errors import ClientError
from ironworks.runtime import Tensor
from ironworks.runtime.artifact import architecture

Inputs = Mapping[str, NDArray[Any]]

_MOST_BATCHES = 512
"""Ranges hardly change after some hundred examples, and a calibration runs the model on each."""
_SAMPLES = 16
"""Batches of the data that candidates are verified and timed with."""


@dataclass(frozen=True)
class Request:
    """What is to be built.

    Attributes:
        precision: what the caller asked for.
        kinds: the reduced precisions that are to be built; none for `f32`.
        calibration: the inputs that ranges are measured with.
        calibrated_with: what these are, `256 batches of the validation data`; empty if there are none.
        reason: why nothing is reduced where the caller left it open; empty otherwise.
    """

    precision: str
    kinds: tuple[str, ...] = ()
    calibration: Sequence[Inputs] = ()
    calibrated_with: str = ""
    reason: str = ""


def plan(
    options: CompileOptions, target: Target, inputs: Sequence[Tensor], samples: Sequence[Inputs]
) -> Request:
    """What `options` ask for.

    Raises:
        ClientError: examples do not fit the model, a static int8 has none to be calibrated with, or the target
            is another architecture, where no reduced candidate can be verified.
    """
    asked = options.precision
    if asked == "f32":
        return Request(asked)
    if target.architecture != architecture():
        reason = (
            f"reduced precision is built for ONNX Runtime and OpenVINO, which cannot be run here as on "
            f"{target.architecture}"
        )
        if asked == "auto":
            return Request(asked, reason=f"float32, because {reason}.")
        raise ClientError(f"The precision {asked} cannot be built for {target.name}: {reason}. Ask for f32.")
    if asked == "auto" and options.validation is None:
        return Request(
            asked,
            reason="float32, because there is no validation data, and without it nothing says that a reduced precision "
            "loses no accuracy.",
        )
    calibration, source = _calibration(options, inputs, samples)
    if asked == "int8" and not calibration:
        raise ClientError(
            "The precision int8 needs examples, because the ranges of activations are measured on them. Give "
            "calibration data, validation data or a sample; or ask for int8-weights, which needs none."
        )
    kinds = {"auto": REDUCED, "int8": ("int8", "int8-weights")}.get(asked, (asked,))
    return Request(asked, kinds, calibration, source)


def sample_inputs(
    options: CompileOptions, inputs: Sequence[Tensor], samples: Sequence[Inputs]
) -> list[Inputs]:
    """The samples that were shipped; where there are none, the first of the validation or calibration data.

    Raises:
        ClientError: these do not fit the model.
    """
    if samples:
        return list(samples)
    for purpose, arrays in (
        ("validation data", options.validation),
        ("calibration data", options.calibration),
    ):
        if arrays is not None:
            return list(match_examples(arrays, inputs, purpose).batches(_SAMPLES))
    return []


def expect_dtype(inputs: Sequence[Tensor], dtype: str | None) -> None:
    """Compare the model's inputs with what the caller says that they are.

    Raises:
        ClientError: one is of another dtype.
    """
    wrong = [str(tensor) for tensor in inputs if dtype is not None and tensor.dtype != dtype]
    if wrong:
        raise ClientError(
            f"CompilerOptions has the dtype {dtype} for the model's inputs, and it takes {', '.join(wrong)}. Leave "
            "dtype out: the model itself says what it takes."
        )


def _calibration(
    options: CompileOptions, inputs: Sequence[Tensor], samples: Sequence[Inputs]
) -> tuple[list[Inputs], str]:
    for purpose, arrays in (
        ("calibration data", options.calibration),
        ("validation data", options.validation),
    ):
        if arrays is not None:
            batches: list[Inputs] = list(match_examples(arrays, inputs, purpose).batches(_MOST_BATCHES))
            return batches, f"{len(batches)} batches of the {purpose}"
    used = list(islice(samples, _MOST_BATCHES))
    counted = "1 sample" if len(used) == 1 else f"{len(used)} samples"
    return used, counted if used else ""
