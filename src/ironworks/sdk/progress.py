"""How waiting looks: a line for each phase, and what the job prints, as it happens."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

from ironworks.sdk.following import Line, Phase

MARGIN = "  │ "

Show = Callable[[str], None]


def say(line: str) -> None:
    """Write a line to standard output, which notebooks show below the cell."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def show(title: str, events: Iterable[Phase | Line]) -> Phase:
    """Write events as they come; the last phase."""
    say(title)
    started, last = 0.0, Phase("", 0.0)
    streams: dict[str, None] = {}
    for event in events:
        if isinstance(event, Phase):
            started, last = started or event.time, event
            took = f" after {event.time - started:.1f} s" if event.final else ""
            say(f"  {event.name}{took}")
        else:
            streams.setdefault(event.stream)
            host = f"{event.stream.rpartition('/')[2]}: " if len(streams) > 1 else ""
            say(f"{MARGIN}{host}{event.text}")
    return last
