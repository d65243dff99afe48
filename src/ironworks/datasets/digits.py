"""A drawn digit as MNIST has its own: 28 × 28, white on black, in a box of 20 × 20, centred by mass.

Source of the form: LeCun, Cortes and Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ironworks.errors import ClientError

SIDE = 28
BOX = 20
_FAINT = 0.1
"""Less ink than this is the paper's own."""

Grey = npt.NDArray[np.float32]


def from_picture(grey: Grey) -> Grey:
    """A digit of shape (28, 28), float32, from 0 for the ground to 1 for ink.

    Args:
        grey: any shape (height, width), from 0 for black to 1 for white. The ground is what the border shows; dark on
            light and light on dark are both taken. A picture of 28 × 28 that is light on dark is a digit already.

    Raises:
        ClientError: nothing is drawn.
    """
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    light_ground = float(np.median(border)) > 0.5
    ink = 1 - grey if light_ground else grey
    if not light_ground and grey.shape == (SIDE, SIDE) and ink.max() > _FAINT:
        return ink
    return centred(ink)


def centred(ink: Grey) -> Grey:
    """The drawn part, scaled to a box of 20 × 20 and laid on 28 × 28 with its centre of mass in the middle.

    Raises:
        ClientError: nothing is drawn.
    """
    rows, columns = np.nonzero(ink > _FAINT)
    if not len(rows):
        raise ClientError("The picture is empty: nothing is drawn on its ground.")
    part = ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    scale = BOX / max(part.shape)
    height, width = (max(1, round(side * scale)) for side in part.shape)
    small = _averages(part.shape[0], height) @ part @ _averages(part.shape[1], width).T
    top, left = (_begin(small.sum(axis), small.shape[1 - axis]) for axis in (1, 0))
    digit = np.zeros((SIDE, SIDE), np.float32)
    digit[top : top + height, left : left + width] = small
    return digit


def _averages(before: int, after: int) -> Grey:
    """A matrix of shape (after, before) that gives each pixel the mean of the stretch that it covers."""
    edges = np.arange(after + 1) * (before / after)
    low, high = edges[:-1, None], edges[1:, None]
    pixels = np.arange(before)
    covered = np.clip(np.minimum(high, pixels + 1) - np.maximum(low, pixels), 0, None)
    return np.asarray(covered / covered.sum(1, keepdims=True), np.float32)


def _begin(mass: Grey, length: int) -> int:
    """Where a line of `length` begins, so that its centre of mass is in the middle, as far as it fits."""
    centre = float((mass * (np.arange(length) + 0.5)).sum() / mass.sum())
    return int(np.clip(round(SIDE / 2 - centre), 0, SIDE - length))
