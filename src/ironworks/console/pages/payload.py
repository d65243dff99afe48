"""What a picture must be for a model to take it, and arrays as `.npy` bytes."""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

DIGIT = (28, 28)


class PayloadError(ValueError):
    """There is nothing to send, or it does not fit the model; the message says what to do."""


@dataclass(frozen=True)
class Picture:
    """The pictures that a model takes.

    Attributes:
        height, width, channels: 0 if the model takes none.
        channels_first: whether the planes of the colours come one after another.
        shape: of the input, with one row.
    """

    height: int = 0
    width: int = 0
    channels: int = 0
    channels_first: bool = False
    shape: tuple[int, ...] = ()

    @property
    def is_digit(self) -> bool:
        """Whether it looks like MNIST's, so that one may draw it."""
        return (self.height, self.width, self.channels) == (*DIGIT, 1)

    def payload(self, pixels: str) -> bytes:
        """An array of the input's shape as `.npy`, from the pixels that the browser sent as a JSON list.

        Raises:
            PayloadError: there are none, or not as many as the model takes.
        """
        if not pixels:
            raise PayloadError("Nothing is drawn yet: draw a digit, or choose a picture.")
        try:
            values = json.loads(pixels)
            numbers = array("f", values)
        except (ValueError, TypeError, OverflowError):
            raise PayloadError("The picture's pixels are not a list of numbers.") from None
        if len(numbers) != prod(self.shape) or not all(map(math.isfinite, numbers)):
            raise PayloadError(f"The model takes {prod(self.shape)} pixels, and {len(numbers)} were sent.")
        return npy(numbers, self.shape)


def picture_of(manifest: Mapping[str, Any] | None) -> Picture:
    """The pictures that a compiled model takes; a digit's where it is not known what the model takes."""
    if manifest is None:
        return Picture(*DIGIT, 1, shape=(1, *DIGIT))
    try:
        shapes = [tuple(map(int, tensor["shape"])) for tensor in manifest["inputs"]]
    except (KeyError, TypeError, ValueError):
        return Picture()
    if len(shapes) != 1 or not shapes[0]:
        return Picture()
    rows, *sizes = shapes[0]
    return _picture(sizes) if rows in (1, -1) else Picture()


def _picture(sizes: Sequence[int]) -> Picture:
    """By the sizes of one row."""
    shape = (1, *sizes)
    if prod(sizes) == prod(DIGIT) and len(sizes) <= 3:
        return Picture(*DIGIT, 1, shape=shape)
    if len(sizes) == 3 and sizes[0] in (1, 3):
        return Picture(sizes[1], sizes[2], sizes[0], True, shape)
    if len(sizes) == 3 and sizes[2] in (1, 3):
        return Picture(sizes[0], sizes[1], sizes[2], False, shape)
    return Picture()


def npy(values: array[float], shape: Sequence[int]) -> bytes:
    """float32 values in C order as a `.npy` file, version 1.0 (numpy.lib.format)."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({', '.join(map(str, shape))},), }}"
    padding = -(10 + len(header) + 1) % 64
    text = (header + " " * padding + "\n").encode()
    if values.itemsize != 4:
        raise TypeError("npy writes float32 alone")
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + values.tobytes()
