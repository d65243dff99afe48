"""One call of the model: what came in and what goes out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

JSON = "application/json"
ANY = "*/*"

_HEADER_VALUE = re.compile(r"[\x20-\x7e]+")
_CONTENT_TYPE_LIMIT = 1024


@dataclass
class Invocation:
    """The request of `POST /invocations`. Not frozen, which would cost more than the rest of making one.

    Attributes:
        body: the payload, whole.
        content_type: as sent, with its parameters; `application/json` when none was sent.
        accept: as sent; `*/*` when none was sent.
    """

    body: bytes
    content_type: str = JSON
    accept: str = ANY


@dataclass
class Answer:
    """What an invocation is answered with.

    Raises:
        ValueError: `content_type` cannot stand in an HTTP header.
    """

    body: bytes
    content_type: str = JSON
    status: int = 200

    def __post_init__(self) -> None:
        _check(self.content_type)


@lru_cache(maxsize=64)
def _check(content_type: str) -> None:
    if not _HEADER_VALUE.fullmatch(content_type) or len(content_type) > _CONTENT_TYPE_LIMIT:
        raise ValueError(f"{content_type!r} is not a content type.")


class ModelTime:
    """How long the model itself ran during the invocation at hand: one at a time is computed in a process.

    Attributes:
        nanoseconds: added to by what runs the model, reset by what answers.
    """

    __slots__ = ("nanoseconds",)

    def __init__(self) -> None:
        self.nanoseconds = 0


model_time = ModelTime()

Handler = Callable[[Invocation], Answer]
"""Answers an invocation, or raises."""
