"""What is sent: a file, or a digit."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ironworks.errors import ClientError

NPY = "application/vnd+python.numpy+binary"
DIGIT = "digit"
_TYPES = {".npy": NPY, ".json": "application/json", ".csv": "text/csv"}
_STROKES = (((7.5, 7.0), (20.5, 7.0)), ((20.5, 7.0), (12.0, 22.0)))
"""A seven in a picture of 28 × 28: from, to, each as column and row."""
_WIDTH = 1.6


@dataclass(frozen=True)
class Payload:
    """The body of a request and its content type."""

    body: bytes
    content_type: str


def read(name: str, content_type: str | None) -> Payload:
    """The payload that `--payload` names: a file, or the word `digit`.

    Raises:
        ClientError: the file is not there, is empty, or its content type is not known and was not given.
    """
    if name == DIGIT:
        stream = io.BytesIO()
        np.save(stream, digit())
        return Payload(stream.getvalue(), content_type or NPY)
    path = Path(name)
    try:
        body = path.read_bytes()
    except OSError as error:
        raise ClientError(
            f"The payload {name} cannot be read: {error.strerror}. Or send a {DIGIT}."
        ) from None
    if not body:
        raise ClientError(f"The payload {name} is empty.")
    found = content_type or _TYPES.get(path.suffix.lower())
    if found is None:
        raise ClientError(
            f"The content type of {name} is not known by its name. Give it: --content-type TYPE."
        )
    return Payload(body, found)


def digit() -> npt.NDArray[np.float64]:
    """A seven as MNIST has them, shape (1, 784), 0 to 1, most of it 0: float64, as the SageMaker SDK sends it."""
    rows, columns = np.mgrid[0:28, 0:28]
    distance = np.min([_distance(columns, rows, *stroke) for stroke in _STROKES], axis=0)
    ink = np.clip(_WIDTH + 0.5 - distance, 0, 1)
    pixels: npt.NDArray[np.float64] = np.round(ink * 255) / 255
    return pixels.reshape(1, 784)


def _distance(
    x: npt.NDArray[Any], y: npt.NDArray[Any], begin: tuple[float, float], end: tuple[float, float]
) -> npt.NDArray[np.float64]:
    """From each pixel to the line between two points."""
    (x0, y0), (x1, y1) = begin, end
    along = ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / ((x1 - x0) ** 2 + (y1 - y0) ** 2)
    along = np.clip(along, 0, 1)
    distance: npt.NDArray[np.float64] = np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0))
    return distance
