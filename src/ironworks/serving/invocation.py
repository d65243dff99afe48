"""One call of the model: what came in and what goes out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

JSON = "application/json"

_HEADER_VALUE = re.compile(r"[\x20-\x7e]+")


@dataclass(frozen=True)
class Invocation:
    """The request of `POST /invocations`.

    Attributes:
        body: the payload, whole.
        content_type: as sent, with its parameters; `application/json` when none was sent.
        accept: as sent; `application/json` when none was sent.
    """

    body: bytes
    content_type: str = JSON
    accept: str = JSON


@dataclass(frozen=True)
class Answer:
    """What an invocation is answered with.

    Raises:
        ValueError: `content_type` cannot stand in an HTTP header.
    """

    body: bytes
    content_type: str = JSON
    status: int = 200

    def __post_init__(self) -> None:
        if not _HEADER_VALUE.fullmatch(self.content_type):
            raise ValueError(f"{self.content_type!r} is not a content type.")


Handler = Callable[[Invocation], Answer]
"""Answers an invocation, or raises; runs in the compute thread."""
