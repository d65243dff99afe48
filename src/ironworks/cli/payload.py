"""What is sent to an endpoint: a file as it is, or a picture as the array that the model takes."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ironworks.cli.archive import look_into
from ironworks.cli.failures import Misuse, NotFound
from ironworks.cli.models import container
from ironworks.errors import ClientError

if TYPE_CHECKING:
    from ironworks.sdk.session import Session

NPY, JSON, CSV = "application/vnd+python.numpy+binary", "application/json", "text/csv"

_SUFFIXES = {".npy": NPY, ".json": JSON, ".csv": CSV, ".txt": CSV}
_DIGIT = (1, 784)


@dataclass(frozen=True)
class Payload:
    """A request's body and its content type."""

    body: bytes
    content_type: str


def read(session: Session, endpoint: str, file: Path, content_type: str | None) -> Payload:
    """The payload that a file stands for; `-` is standard input.

    Raises:
        NotFound: there is no such file.
        Misuse: it cannot be told what is in it.
        ClientError: it is a picture that the model does not take.
    """
    content = _content(file)
    if content_type is not None:
        return Payload(content, content_type)
    from ironworks.datasets import png

    if content.startswith(png.SIGNATURE):
        return Payload(_digit(session, endpoint, content), NPY)
    return Payload(content, _guessed(file, content))


def _content(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        raise NotFound(f"There is no file {file}.") from None


def _guessed(file: Path, content: bytes) -> str:
    if content.startswith(b"\x93NUMPY"):
        return NPY
    if file.suffix.lower() in _SUFFIXES:
        return _SUFFIXES[file.suffix.lower()]
    begin = content.lstrip()[:1]
    if begin in (b"[", b"{"):
        return JSON
    if begin.isdigit() or begin in (b"-", b"."):
        return CSV
    name = "standard input" if str(file) == "-" else str(file)
    raise Misuse(f"It cannot be told what {name} holds. Say it: --content-type application/json, text/csv, …")


def _digit(session: Session, endpoint: str, picture: bytes) -> bytes:
    """A picture of a digit as an array in the shape of the model's input, as npy."""
    import numpy as np

    from ironworks.datasets import digits, png

    shape = input_shape(session, endpoint) or _DIGIT
    if prod(shape) != digits.SIDE**2:
        raise ClientError(
            f"The model of {endpoint} takes an input of shape {list(shape)}. Of pictures only digits are prepared "
            f"here, as {digits.SIDE} × {digits.SIDE} grey values; prepare this one yourself and send it as .npy."
        )
    stream = io.BytesIO()
    np.save(stream, digits.from_picture(png.read_grey(picture)).reshape(shape))
    return stream.getvalue()


def input_shape(session: Session, endpoint: str) -> tuple[int, ...] | None:
    """The shape of one row of the input that an endpoint's first variant takes; None where that is not known."""
    from ironworks.sdk.errors import RequestRefused

    def describe(noun: str, **name: str) -> dict[str, Any]:
        return session.call("sagemaker", f"describe_{noun}", **name)

    try:
        config = describe("endpoint", EndpointName=endpoint)["EndpointConfigName"]
        variants = describe("endpoint_config", EndpointConfigName=config)["ProductionVariants"]
        model = describe("model", ModelName=variants[0]["ModelName"])
    except RequestRefused:
        return None  # the configuration or the model may have been deleted, and the endpoint serves on
    return look_into(session, container(model)["ModelDataUrl"]).shape
