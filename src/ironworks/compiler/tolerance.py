"""How far a candidate's output may be from the original's, as a part of the output's largest value."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from ironworks.errors import ClientError

DTYPES = ("float64", "float32", "float16")
REDUCED = ("bf16", "int8", "int8-weights")
"""Precisions that candidates may be reduced to; each has a tolerance of its own, whatever the output's dtype."""
PRECISIONS = ("auto", "f32", *REDUCED)
"""What a compilation may be asked for: `f32` keeps the model's own, `auto` takes what is measured to lose nothing."""

TOLERANCES: Mapping[str, float] = {
    "float64": 1e-12,
    "float32": 1e-5,
    "float16": 1e-3,
    "bf16": 0.05,
    "int8": 0.1,
    "int8-weights": 0.1,
}
"""By dtype of the output, and by reduced precision. Whole numbers and truth values must be equal."""

_BARE = "float32"
_EXAMPLE = "Write it as 1e-5, which is for float32, or as float32=1e-5,int8=0.2."


def parse_tolerances(given: str | float | Mapping[str, float] | None) -> dict[str, float]:
    """The tolerance of every dtype and reduced precision: TOLERANCES, with those that were given in their place.

    A number alone is for float32. 0 asks for outputs that are equal to the last bit.

    Raises:
        ClientError: a name is unknown, or a tolerance is not a number from 0 to below 1: at 1 a difference as
            large as the output itself would pass, and verification cannot be turned off.
    """
    if given is None:
        return dict(TOLERANCES)
    pairs = given.items() if isinstance(given, Mapping) else [_pair(part) for part in str(given).split(",")]
    tolerances = dict(TOLERANCES)
    for name, value in pairs:
        if name not in TOLERANCES:
            raise ClientError(
                f"The tolerance names {name!r}, which is none of {', '.join(TOLERANCES)}. {_EXAMPLE}"
            )
        tolerances[name] = _number(name, value)
    return tolerances


def reduced_to(precision: str, tolerances: Mapping[str, float]) -> dict[str, float]:
    """The tolerances for a candidate of a reduced precision: its own one, for outputs of every floating-point dtype."""
    return dict.fromkeys(DTYPES, tolerances[precision])


def _pair(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    return (name.strip(), value) if found else (_BARE, text)


def _number(name: str, value: object) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = float("nan")
    if not (isfinite(number) and 0 <= number < 1):
        raise ClientError(
            f"The tolerance {value!r} for {name} must be a number from 0 to below 1, a part of the output's largest "
            f"value. Verification cannot be turned off. {_EXAMPLE}"
        )
    return number
