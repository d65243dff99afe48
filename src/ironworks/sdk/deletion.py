"""`with thing:` deletes it at the end of the block."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import TypeVar

Self = TypeVar("Self", bound="Deletable")


class Deletable(ABC):
    """Something that the SDK has made on a server and can remove again."""

    @abstractmethod
    def delete(self) -> None:
        """Remove it from the server."""

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.delete()
