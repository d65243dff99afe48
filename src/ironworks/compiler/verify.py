"""Compares what a candidate answers with what the original answers, on the same inputs.

A difference counts in proportion to the output: `|candidate - original| ≤ tolerance · scale`, where `scale` is
the largest absolute value that the original gives for that output, over all ordinary inputs or for the input
at hand. Where inputs are large, the rounding inside the original itself can move an output further than that:
sums of n terms in another order differ by about √n roundings. So for these the original is also run with its
inputs that much off, and four times the largest difference is allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ironworks.compiler.references import Reference
from ironworks.compiler.tolerance import TOLERANCES
from ironworks.errors import PlatformError
from ironworks.runtime import Tensor

Array = NDArray[Any]
Inputs = dict[str, Array]

_ORDINARY = ("normal", "uniform", "zeros", "sample")
_LARGE = 255.0
_DENORMAL = 1e-40
_ROUNDINGS = 32
"""√n for sums of a thousand terms."""
_NUDGES = 4
_MANY_ROWS = 8
_SHRINKINGS = 4
_MARGIN = 4
_SEED = 20170717


@dataclass(frozen=True)
class Draw:
    """One set of inputs, and what kind they are."""

    kind: str
    inputs: Inputs


@dataclass(frozen=True)
class Expectation:
    """What the original answers for a draw, and how far off each output may be."""

    draw: Draw
    outputs: Sequence[Array]
    allowed: Sequence[float]


@dataclass(frozen=True)
class Comparison:
    """One output of one draw.

    Attributes:
        inputs: the kind of the draw.
        absolute: the largest absolute difference.
        relative: the same, by the output's largest absolute value.
        allowed: the largest absolute difference that is within tolerance.
        argmax_equal, rows: of how many rows the largest element is the same one. Rows whose two largest lie
            closer together than `allowed` count as the same.
    """

    inputs: str
    output: str
    absolute: float
    relative: float
    allowed: float
    argmax_equal: int
    rows: int

    @property
    def equal(self) -> bool:
        """Whether the candidate's output counts as the original's."""
        return self.absolute <= self.allowed and self.argmax_equal == self.rows


def draw_inputs(tensors: Sequence[Tensor], samples: Sequence[Mapping[str, Array]] = ()) -> list[Draw]:
    """The inputs to verify with: random ones, edges, and the `samples` that were shipped with the model.

    Inputs of whole numbers are indices more often than not, so they are drawn from 0 and 1. A batch has many
    random rows in one draw, so a second one would say nothing new.
    """
    random = np.random.default_rng(_SEED)
    rows = min((tensor.shape[0] for tensor in tensors if tensor.shape), default=1)
    fills: list[tuple[str, Callable[[tuple[int, ...]], Array]]] = [
        *[("normal", random.standard_normal)] * (1 if rows >= _MANY_ROWS else 2),
        *[("uniform", random.random)] * (1 if rows >= _MANY_ROWS else 2),
        ("zeros", np.zeros),
        ("large", lambda shape: random.random(shape) * _LARGE),
        ("denormal", lambda shape: random.standard_normal(shape) * _DENORMAL),
    ]

    def array(tensor: Tensor, fill: Callable[[tuple[int, ...]], Array]) -> Array:
        if np.dtype(tensor.dtype).kind == "f":
            return np.asarray(fill(tensor.shape), dtype=tensor.dtype)
        return random.integers(0, 2, tensor.shape).astype(tensor.dtype)

    draws = [Draw(kind, {tensor.name: array(tensor, fill) for tensor in tensors}) for kind, fill in fills]
    return draws + [Draw("sample", dict(sample)) for sample in samples]


def expect(
    reference: Reference,
    draws: Sequence[Draw],
    outputs: Sequence[Tensor],
    tolerances: Mapping[str, float] = TOLERANCES,
) -> list[Expectation]:
    """Run the original on every draw. `tolerances` are by dtype; a dtype without one must be equal.

    Raises:
        PlatformError: it answers other outputs than the compiled graph has.
    """
    answered = [_answered(reference, draw, outputs) for draw in draws]
    expectations = _expectations(
        [draw for draw, _ in answered], [arrays for _, arrays in answered], outputs, tolerances
    )
    return [_with_roundings(reference, item) if item.draw.kind == "large" else item for item in expectations]


def _answered(reference: Reference, draw: Draw, outputs: Sequence[Tensor]) -> tuple[Draw, list[NDArray[Any]]]:
    """The draw with what the original answers; a large one is made smaller while the original overflows.

    What a model does beyond the range of its dtype depends on the order of its sums: no two builds do the same.
    """
    for attempt in range(_SHRINKINGS + 1):
        arrays = reference.run(draw.inputs)
        shapes = [array.shape for array in arrays]
        if shapes != [tensor.shape for tensor in outputs]:
            raise PlatformError(
                f"{reference.name} answers outputs of the shapes {shapes}, and the compiled graph "
                f"{', '.join(map(str, outputs))}. The import of the model is at fault; please report it."
            )
        finite = all(np.isfinite(array).all() for array in arrays if array.dtype.kind == "f")
        if draw.kind != "large" or finite or attempt == _SHRINKINGS:
            break
        smaller = {
            name: array / 4 if array.dtype.kind == "f" else array for name, array in draw.inputs.items()
        }
        draw = Draw(draw.kind, smaller)
    return draw, arrays


def held_to(
    expectations: Sequence[Expectation], outputs: Sequence[Tensor], tolerances: Mapping[str, float]
) -> list[Expectation]:
    """The same answers with other tolerances, for inputs of the kind that the model is meant for.

    These are the samples, or where there are none, the ordinary ones: a reduced precision is made for the range of
    values that occurs.
    """
    sampled = [item for item in expectations if item.draw.kind == "sample"]
    used = sampled or [item for item in expectations if item.draw.kind in _ORDINARY]
    return _expectations([item.draw for item in used], [item.outputs for item in used], outputs, tolerances)


def compare(
    expectation: Expectation, answered: Sequence[Array], outputs: Sequence[Tensor]
) -> list[Comparison]:
    """Compare a candidate's answer with the original's, output by output."""
    comparisons = []
    for tensor, expected, found, allowed in zip(
        outputs, expectation.outputs, answered, expectation.allowed, strict=True
    ):
        absolute = _difference(expected, found)
        equal, rows = _argmax_agreement(expected, found, allowed)
        scale = _magnitude(expected)
        comparisons.append(
            Comparison(
                inputs=expectation.draw.kind,
                output=tensor.name,
                absolute=absolute,
                relative=absolute / scale if scale else absolute,
                allowed=allowed,
                argmax_equal=equal,
                rows=rows,
            )
        )
    return comparisons


def _expectations(
    draws: Sequence[Draw],
    answers: Sequence[Sequence[Array]],
    outputs: Sequence[Tensor],
    tolerances: Mapping[str, float],
) -> list[Expectation]:
    """The answers, each with how far off a candidate's may be."""
    pairs = list(zip(draws, answers, strict=True))
    scales = [
        max(_magnitude(arrays[position]) for draw, arrays in pairs if draw.kind in _ORDINARY)
        for position in range(len(outputs))
    ]
    return [
        Expectation(
            draw,
            arrays,
            [
                _tolerance(tensor, array, tolerances) * max(scale, _magnitude(array))
                for tensor, scale, array in zip(outputs, scales, arrays, strict=True)
            ],
        )
        for draw, arrays in pairs
    ]


def _tolerance(tensor: Tensor, answered: Array, tolerances: Mapping[str, float]) -> float:
    """By dtype of the output, or of what the original answers for it if that is coarser."""
    return max(tolerances.get(dtype, 0.0) for dtype in (tensor.dtype, answered.dtype.name))


def _magnitude(array: Array) -> float:
    """The largest finite absolute value."""
    sizes = np.abs(array.astype(np.float64))
    return float(np.max(sizes, where=np.isfinite(sizes), initial=0.0))


def _difference(expected: Array, found: Array) -> float:
    """The largest absolute difference; infinite where one has NaN or infinity and the other has not."""
    expected, found = expected.astype(np.float64), found.astype(np.float64)
    if expected.shape != found.shape:
        return float("inf")
    finite = np.isfinite(expected)
    if (
        not np.array_equal(expected[~finite], found[~finite], equal_nan=True)
        or not np.isfinite(found[finite]).all()
    ):
        return float("inf")
    return float(np.max(np.abs(expected[finite] - found[finite]), initial=0.0))


def _argmax_agreement(expected: Array, found: Array, allowed: float) -> tuple[int, int]:
    if expected.ndim == 0 or expected.shape[-1] < 2 or expected.shape != found.shape:
        return 0, 0
    rows = expected.reshape(-1, expected.shape[-1]).astype(np.float64)
    others = found.reshape(rows.shape).astype(np.float64)
    largest = np.take_along_axis(rows, rows.argmax(1)[:, None], 1)
    chosen = np.take_along_axis(rows, others.argmax(1)[:, None], 1)
    with np.errstate(invalid="ignore"):
        tied = largest - chosen <= 2 * allowed
    agree = (rows.argmax(1) == others.argmax(1)) | tied[:, 0]
    return int(agree.sum()), len(rows)


def _with_roundings(reference: Reference, expectation: Expectation) -> Expectation:
    """The same, with what the roundings inside the original allow besides."""
    random = np.random.default_rng(_SEED)
    moved = [0.0] * len(expectation.outputs)
    for _ in range(_NUDGES):
        nudged = {name: _nudged(array, random) for name, array in expectation.draw.inputs.items()}
        answers = reference.run(nudged)
        moved = [
            max(so_far, _difference(before, after))
            for so_far, before, after in zip(moved, expectation.outputs, answers, strict=True)
        ]
    allowed = [
        max(limit, _MARGIN * change) if np.isfinite(change) else limit
        for limit, change in zip(expectation.allowed, moved, strict=True)
    ]
    return replace(expectation, allowed=allowed)


def _nudged(array: Array, random: np.random.Generator) -> Array:
    """Every element off by `_ROUNDINGS` roundings, up or down."""
    if array.dtype.kind != "f":
        return array
    step = _ROUNDINGS * float(np.finfo(array.dtype).eps)
    nudged: Array = (array * (1 + step * random.choice([-1, 1], array.shape))).astype(array.dtype)
    return nudged
