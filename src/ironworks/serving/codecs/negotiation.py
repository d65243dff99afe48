"""Which format an answer gets."""

from __future__ import annotations

from functools import lru_cache

from ironworks.serving.errors import InvocationError

_ANY = {"*/*": "", "": "", "application/*": "application/", "text/*": "text/"}
"""What a range of media types begins with."""


def media_type(content_type: str) -> str:
    """`text/csv` of `Text/CSV; charset=utf-8`."""
    return content_type.partition(";")[0].strip().lower()


@lru_cache(maxsize=64)
def choose(accept: str, available: tuple[str, ...]) -> str:
    """The format that an `Accept` header wants most (RFC 9110, 12.5.1), among those `available`, best first.

    Raises:
        InvocationError: 406 when it wants none of them.
    """
    for wanted in _by_preference(accept):
        begin = _ANY.get(wanted)
        for name in available:
            if name == wanted or (begin is not None and name.startswith(begin)):
                return name
    raise InvocationError(
        406, f"The answer is not available as {accept!r}. Accept one of: {', '.join(available)}."
    )


def _by_preference(accept: str) -> list[str]:
    """The media types of the header, the most wanted first, without those of weight 0."""
    weighted = []
    for item in accept.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        weights = [parameter[2:] for parameter in parameters if parameter.startswith("q=")]
        try:
            weight = float(weights[0]) if weights else 1.0
        except ValueError:
            weight = 0.0
        if weight > 0:
            weighted.append((-weight, name))
    return [name for _, name in sorted(weighted, key=lambda pair: pair[0])]
