"""The names of the SageMaker SDK, mostly of 1.x: they work, and say once each what they are called here."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class LegacyName(FutureWarning):
    """A name of the SageMaker SDK was used. FutureWarning, because Python shows these to everybody."""


_told: set[str] = set()


def note(old: str, advice: str) -> None:
    """Warn of a name, once in a process."""
    if old not in _told:
        _told.add(old)
        warnings.warn(f"{old} is of the SageMaker SDK: {advice}.", LegacyName, stacklevel=3)


def legacy_names(
    renamed: Mapping[str, str] | None = None, ignored: Mapping[str, str] | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a function take old keyword arguments, which are not in its signature.

    Args:
        renamed: today's name by the old one.
        ignored: why an old argument is not needed, by its name.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def accepting(*args: P.args, **kwargs: P.kwargs) -> R:
            for old in [name for name in kwargs if name in (renamed or {})]:
                new = (renamed or {})[old]
                if new in kwargs:
                    raise TypeError(f"{function.__qualname__}() got both {new} and its old name {old}")
                note(old, f"it is called {new} here")
                kwargs[new] = kwargs.pop(old)
            for old in [name for name in kwargs if name in (ignored or {})]:
                note(old, (ignored or {})[old])
                del kwargs[old]
            return function(*args, **kwargs)

        return accepting

    return decorate
