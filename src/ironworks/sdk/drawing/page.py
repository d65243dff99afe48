"""The box in plain HTML, for the classic notebook, whose page can have the kernel run code."""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from ironworks.sdk.drawing.drawing import SHAPE, Drawing

_FOLDER = Path(__file__).parent
_BOXES: WeakValueDictionary[str, ClassicDrawBox] = WeakValueDictionary()


class ClassicDrawBox:
    """The box; `value` is what is drawn in it. It is shown as a cell's last expression.

    Args:
        shape: of `value`; 784 elements.
    """

    def __init__(self, shape: Sequence[int] = SHAPE) -> None:
        self._drawing = Drawing(shape)
        self._name = f"ironworks-{secrets.token_hex(8)}"
        _BOXES[self._name] = self

    @property
    def value(self) -> NDArray[np.float32]:
        """float32 in the shape that was asked for: 0 is paper, 1 is ink.

        Raises:
            NothingDrawn: the box is empty.
        """
        return self._drawing.value

    def _repr_html_(self) -> str:
        values = {
            "NAME": self._name,
            "MODULE": __name__,
            "CSS": (_FOLDER / "box.css").read_text(),
            # `</script>` would end the script that it stands in.
            "SOURCE": json.dumps((_FOLDER / "box.js").read_text()).replace("</", "<\\/"),
        }
        page = (_FOLDER / "classic.html").read_text()
        return re.sub(r"@([A-Z]+)@", lambda found: values[found[1]], page)

    def draw(self, ink: bytes) -> bytes:
        """Take what is in the box now; answers what the model sees, 28 × 28 bytes, or none."""
        self._drawing.draw(ink)
        return self._drawing.seen()


def receive(name: str, ink: str) -> str:
    """What the page has the kernel call: base64 in, base64 out; nothing when the box is gone."""
    box = _BOXES.get(name)
    return base64.b64encode(box.draw(base64.b64decode(ink))).decode() if box is not None else ""
