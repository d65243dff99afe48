"""What somebody has drawn, whatever box it was drawn in."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from ironworks.datasets.digits import SIDE, centred
from ironworks.errors import ClientError

BOX = 140
"""Pixels of the box's side, a byte each, row by row: what `box.js` sends."""
SHAPE = (1, SIDE * SIDE)


class NothingDrawn(ClientError):
    """The box is empty."""

    def __init__(self) -> None:
        super().__init__(
            "Nothing has been drawn yet. Draw a digit in the box above, then run this cell again."
        )


class Drawing:
    """The ink of a box, and the array that it means.

    Args:
        shape: of the array; its 784 elements are the pixels of MNIST's image, row by row.

    Raises:
        ClientError: the shape has another number of elements.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        if prod(shape) != SIDE * SIDE:
            raise ClientError(
                f"A drawing is an image of {SIDE} × {SIDE} pixels, so it cannot have the shape {tuple(shape)}, "
                f"which has {prod(shape)} elements. Give {SHAPE}, {(1, 1, SIDE, SIDE)} or another of {SIDE * SIDE}."
            )
        self.shape = tuple(shape)
        self._ink = b""

    def draw(self, ink: bytes) -> None:
        """Take what is in the box now: nothing, or a byte for each of its pixels.

        Raises:
            ClientError: it is neither.
        """
        if ink and len(ink) != BOX * BOX:
            raise ClientError(f"A drawing has {BOX} × {BOX} bytes, and these are {len(ink)}.")
        self._ink = bytes(ink) if any(ink) else b""

    @property
    def image(self) -> NDArray[np.float32]:
        """float32 of shape (28, 28): 0 is paper, 1 is ink.

        Raises:
            NothingDrawn: the box is empty.
        """
        if not self._ink:
            raise NothingDrawn
        ink = np.frombuffer(self._ink, np.uint8).reshape(BOX, BOX)
        return centred(ink.astype(np.float32) / np.float32(255))

    @property
    def value(self) -> NDArray[np.float32]:
        """The image in the shape that was asked for.

        Raises:
            NothingDrawn: the box is empty.
        """
        return self.image.reshape(self.shape)

    def seen(self) -> bytes:
        """The image as bytes, to be shown beside the box; none when there is none."""
        return (self.image * 255).astype(np.uint8).tobytes() if self._ink else b""
