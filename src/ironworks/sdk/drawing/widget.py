"""The box as a widget: JupyterLab, Notebook 7, VS Code, Colab."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets
from numpy.typing import NDArray

from ironworks.sdk.drawing.drawing import SHAPE, Drawing

_FOLDER = Path(__file__).parent


class DrawBox(anywidget.AnyWidget):
    """The box; `value` is what is drawn in it.

    Args:
        shape: of `value`; 784 elements.
    """

    _esm = _FOLDER / "box.js"
    _css = _FOLDER / "box.css"
    ink = traitlets.CBytes(b"").tag(sync=True)  # comes as a memoryview
    seen = traitlets.Bytes(b"").tag(sync=True)

    def __init__(self, shape: Sequence[int] = SHAPE) -> None:
        self._drawing = Drawing(shape)
        super().__init__()

    @traitlets.observe("ink")
    def _drawn(self, change: Any) -> None:
        self._drawing.draw(change["new"])
        self.seen = self._drawing.seen()

    @property
    def value(self) -> NDArray[np.float32]:
        """float32 in the shape that was asked for: 0 is paper, 1 is ink.

        Raises:
            NothingDrawn: the box is empty.
        """
        return self._drawing.value
