"""The filter patterns of FilterLogEvents, as far as they are made of terms.

CloudWatch Logs, "Filter pattern syntax": all terms must occur, `?term` terms are alternatives, a `-term` must not
occur, `"…"` holds spaces. Patterns over JSON (`{…}`), columns (`[…]`) and regular expressions (`%…%`) are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TERM = re.compile(r'([?-]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))')


class InvalidPattern(Exception):
    """The pattern is malformed or of a kind that is not supported."""


@dataclass(frozen=True)
class FilterPattern:
    """Which messages to answer."""

    required: tuple[str, ...]
    alternatives: tuple[str, ...]
    excluded: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> FilterPattern:
        """Read a pattern; the empty one matches everything.

        Raises:
            InvalidPattern: it is of another kind than terms, or a quote is not closed.
        """
        text = text.strip()
        if text[:1] in ("{", "[", "%"):
            raise InvalidPattern(
                f"Filter patterns over terms are supported, and {text[:50]!r} is of another kind."
            )
        found: dict[str, list[str]] = {"": [], "?": [], "-": []}
        position = 0
        while position < len(text):
            match = _TERM.match(text, position)
            if match is None:
                raise InvalidPattern(
                    f"The filter pattern cannot be read from {text[position : position + 30]!r} on."
                )
            kind, quoted, plain = match.groups()
            found[kind].append(re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain)
            position = match.end() + len(text[match.end() :]) - len(text[match.end() :].lstrip())
        return cls(tuple(found[""]), tuple(found["?"]), tuple(found["-"]))

    def matches(self, message: str) -> bool:
        """Whether a message has what the pattern asks for."""
        return (
            all(term in message for term in self.required)
            and (not self.alternatives or any(term in message for term in self.alternatives))
            and not any(term in message for term in self.excluded)
        )
