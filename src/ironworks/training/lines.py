"""A training script's output, from bytes to log events."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import regex

from ironworks.training.spec import MetricDefinition

Line = tuple[int, str]
"""When a line came, in milliseconds since 1970, and its text."""

LONGEST = 262_144 - 26
"""Bytes of one CloudWatch Logs event, less what the service counts for its envelope."""

FLUSH_INTERVAL = 0.2
"""Seconds that a line waits for others before it is handed on."""

LARGEST_BATCH = 5_000
"""Lines that are handed on at a time: while they are written down, nobody else can write."""

LONGEST_PAUSE = 0.2
"""Seconds that a job that prints a flood leaves the database to others, at most, after each batch."""

SEARCH_SECONDS = 0.5
"""Some expressions backtrack without end on some lines; the job must not stand still for them."""

PROGRESS_INTERVAL = 1.0
"""Seconds between two states of a progress bar, which rewrites its line with carriage returns."""


class LineSplitter:
    """Cuts a stream of bytes into lines of text.

    A line ends with a newline. Of one that was rewritten with carriage returns, as a progress bar
    does, the newest text counts. Empty lines are dropped, for CloudWatch Logs takes none.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines that `data` completes."""
        *whole, rest = (self._rest + data).split(b"\n")
        # Of a line that is rewritten without end, only what progress() and finish() need is kept.
        done, carriage_return, unfinished = rest.rpartition(b"\r")
        self._rest = _newest(done) + carriage_return + unfinished
        lines = [text for line in whole for text in _texts(_newest(line))]
        while len(self._rest) > LONGEST and b"\r" not in self._rest:
            head, self._rest = _cut(self._rest)
            lines.append(_decode(head))
        return lines

    def progress(self) -> str | None:
        """The newest state of a progress bar on the unfinished line; each is given once."""
        done, carriage_return, self._rest = self._rest.rpartition(b"\r")
        newest = _newest(done)
        return _decode(newest)[:LONGEST] if carriage_return and newest else None

    def finish(self) -> list[str]:
        """The last line, if it has no newline."""
        rest, self._rest = self._rest, b""
        return _texts(_newest(rest))


def _newest(line: bytes) -> bytes:
    """What is left to see of a line that was rewritten: the last part that is not empty."""
    return next((part for part in reversed(line.split(b"\r")) if part), b"")


def _texts(line: bytes) -> list[str]:
    texts = []
    while len(line) > LONGEST:
        head, line = _cut(line)
        texts.append(_decode(head))
    return [*texts, _decode(line)] if line else texts


def _cut(line: bytes) -> tuple[bytes, bytes]:
    """Split at the limit, but never inside a UTF-8 character (whose further bytes are 10xxxxxx)."""
    end = LONGEST
    while end > LONGEST - 4 and line[end] & 0xC0 == 0x80:
        end -= 1
    return line[:end], line[end:]


def _decode(line: bytes) -> str:
    return line.decode("utf-8", errors="replace")


class JobLog:
    """Collects lines, looks for metrics in them, and hands them on in batches.

    Attributes:
        last: the newest line that the script printed.
        metrics: the newest value of each metric.
    """

    def __init__(
        self,
        definitions: Sequence[MetricDefinition],
        log: Callable[[Sequence[Line]], None],
        metric: Callable[[str, float, float], None],
    ) -> None:
        self._definitions = list(definitions)
        self._log = log
        self._metric = metric
        self._pending: list[Line] = []
        self._flush_at = 0.0
        self.last = ""
        self.metrics: dict[str, float] = {}

    def note(self, text: str) -> None:
        """A line of our own, at once; no metric is looked for in it."""
        self._pending.append((_now(), text))
        self.flush()

    def extend(self, texts: Sequence[str]) -> None:
        """Lines of the script."""
        if not texts:
            return
        if not self._pending:
            self._flush_at = time.monotonic() + FLUSH_INTERVAL
        now = _now()
        self._pending += [(now, text) for text in texts]
        self.last = texts[-1]
        for text in texts:
            self._measure(text, now / 1000)
        if len(self._pending) >= LARGEST_BATCH:
            began = time.monotonic()
            self.flush()
            # Who writes again at once keeps the others out: SQLite does not queue writers, they ask now and then.
            time.sleep(min(LONGEST_PAUSE, time.monotonic() - began))

    def flush_due(self) -> None:
        """Hand on what has waited long enough."""
        if self._pending and time.monotonic() >= self._flush_at:
            self.flush()

    def flush(self) -> None:
        """Hand on everything."""
        if self._pending:
            pending, self._pending = self._pending, []
            self._log(pending)

    def _measure(self, text: str, at: float) -> None:
        for definition in self._definitions:
            found = self._search(definition, text)
            if found is None:
                continue
            try:
                value = float(found[1])
            except (TypeError, ValueError):  # the group took no part, or what it found is not a number
                continue
            if not math.isfinite(value):  # JSON has no such number
                continue
            self.metrics[definition.name] = value
            self._metric(definition.name, value, at)

    def _search(self, definition: MetricDefinition, text: str) -> regex.Match[str] | None:
        try:
            return definition.pattern.search(text, timeout=SEARCH_SECONDS)
        except TimeoutError:
            self._definitions = [other for other in self._definitions if other is not definition]
            self.note(
                f"The metric {definition.name} is looked for no more: its regular expression takes too long on "
                f"a line of {len(text)} characters. Write it without nested repeats."
            )
            return None


def _now() -> int:
    return time.time_ns() // 1_000_000
