"""`iw.draw()`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ironworks.sdk.drawing.drawing import SHAPE
from ironworks.sdk.drawing.page import ClassicDrawBox

if TYPE_CHECKING:
    from ironworks.sdk.drawing.widget import DrawBox


def draw(shape: Sequence[int] = SHAPE, *, classic: bool = False) -> DrawBox | ClassicDrawBox:
    """A box to draw a digit in, shown when it is the last expression of a notebook's cell.

    Its `value` is the digit as MNIST would have it (fitted into 20 × 20 pixels, grey at its edges, centred by mass in
    28 × 28; float32, 0 for paper to 1 for ink), ready for `predictor.predict(box.value)`.

    Args:
        shape: of `value`; 784 elements, such as (1, 784) or (1, 1, 28, 28).
        classic: plain HTML for the classic notebook (up to version 6, or nbclassic). So it is also where the
            package anywidget, which the other notebooks need, is missing.

    Raises:
        ClientError: the shape does not have 784 elements.
    """
    if not classic:
        try:
            from ironworks.sdk.drawing.widget import DrawBox
        except ImportError:
            pass
        else:
            return DrawBox(shape)
    return ClassicDrawBox(shape)
