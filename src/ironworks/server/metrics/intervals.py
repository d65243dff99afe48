"""The invocations of one variant of an endpoint, second by second and minute by minute."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable

from ironworks.server.metrics.statistics import Histogram, Samples

Times = tuple[int, int, int]
"""Microseconds of an invocation inside its instance: waiting for its turn, in the user's functions and codecs, in the
model itself."""

SECONDS = 300
"""Intervals of one second that are kept."""
MINUTES = 720
"""Intervals of one minute that are kept."""


class Invocations:
    """Invocations, by status and time (microseconds).

    Attributes:
        statuses: how many had which HTTP status.
        total: from the request to its answer.
        instance: what the instance took, as seen from the server; CloudWatch's ModelLatency.
        overhead: the rest; CloudWatch's OverheadLatency.
        queue, hooks, model: how the instance spent its time; empty if it does not say so.
    """

    __slots__ = ("hooks", "instance", "model", "overhead", "queue", "statuses", "total")

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.total = Histogram()
        self.instance = Histogram()
        self.overhead = Histogram()
        self.queue = Histogram()
        self.hooks = Histogram()
        self.model = Histogram()

    def merge(self, other: Invocations) -> None:
        """Add all invocations of another."""
        self.statuses.update(other.statuses)
        for stage in STAGES:
            mine: Histogram = getattr(self, stage)
            mine.merge(getattr(other, stage))

    def count(self, first: int, last: int) -> int:
        """How many had a status from `first` to `last`."""
        return sum(count for status, count in self.statuses.items() if first <= status <= last)


STAGES = ("total", "overhead", "instance", "queue", "hooks", "model")
"""The histograms of `Invocations`."""


class Interval:
    """What happened from `start` (seconds since 1970) on.

    Attributes:
        instances: how many of them served at the start.
        cpu: percent of one core that an instance used, a value for each instance and look at it.
        memory: percent of the machine's memory, likewise.
    """

    __slots__ = ("cpu", "instances", "invocations", "memory", "start")

    def __init__(self, start: int, instances: int) -> None:
        self.start = start
        self.instances = instances
        self.invocations = Invocations()
        self.cpu = Samples()
        self.memory = Samples()

    @property
    def is_empty(self) -> bool:
        """Whether nothing happened."""
        return not self.invocations.statuses and not self.cpu.count

    def merge(self, other: Interval) -> None:
        """Add what happened in another interval."""
        self.instances = max(self.instances, other.instances)
        self.invocations.merge(other.invocations)
        self.cpu.merge(other.cpu)
        self.memory.merge(other.memory)


class VariantIntervals:
    """The intervals of one variant, and its invocations since the server began.

    An invocation is counted in the second that is open, and nowhere else: that is cheap. A second that is over is
    added to its minute and to the sum. Any thread may record and read.
    """

    def __init__(self, instances: Callable[[], int], now: int) -> None:
        """`instances` says how many of them serve."""
        self._instances = instances
        self._lock = threading.Lock()
        self._second = Interval(now, instances())
        self._minute = Interval(now // 60 * 60, self._second.instances)
        self._seconds: deque[Interval] = deque(maxlen=SECONDS)
        self._minutes: deque[Interval] = deque(maxlen=MINUTES)
        self._sum = Invocations()
        self._last_use = now

    def record(self, now: int, status: int, total: int, instance: int, times: Times | None) -> None:
        """Count an invocation; times are in microseconds, `now` in seconds since 1970."""
        with self._lock:
            # A clock that was set back changes nothing: the open second goes on until it is over.
            if now > self._second.start:
                self._begin(now)
            invocations = self._second.invocations
            statuses = invocations.statuses
            statuses[status] = statuses.get(status, 0) + 1
            invocations.total.add(total)
            invocations.instance.add(instance)
            invocations.overhead.add(total - instance if total > instance else 0)
            if times is not None:
                queue, hooks, model = times
                invocations.queue.add(queue)
                invocations.hooks.add(hooks)
                invocations.model.add(model)

    def sample(self, now: int, cpu: float, memory: float) -> None:
        """Add what was seen of one instance, in percent."""
        with self._lock:
            if now > self._second.start:
                self._begin(now)
            self._second.cpu.add(cpu)
            self._second.memory.add(memory)

    def seconds(self, now: int) -> list[Interval]:
        """The last seconds in which something happened, those that are over, in order. They change no more."""
        with self._lock:
            if now > self._second.start:
                self._begin(now)
            return list(self._seconds)

    def minutes(self, now: int) -> list[Interval]:
        """The last minutes in which something happened, in order. They change no more; the last is as it is now."""
        with self._lock:
            if now > self._second.start:
                self._begin(now)
            last = Interval(self._minute.start, self._minute.instances)
            last.merge(self._minute)
            last.merge(self._second)
            return [*self._minutes, last]

    def since_start(self) -> Invocations:
        """All invocations, those of this second too."""
        with self._lock:
            everything = Invocations()
            everything.merge(self._sum)
            everything.merge(self._second.invocations)
            return everything

    def last_use(self) -> int:
        """The second, since 1970, in which something happened last."""
        with self._lock:
            return self._last_use if self._second.is_empty else self._second.start

    def _begin(self, now: int) -> None:
        over = self._second
        self._second = Interval(now, self._instances())
        if not over.is_empty:
            self._seconds.append(over)
            self._minute.merge(over)
            self._sum.merge(over.invocations)
            self._last_use = over.start
        if now // 60 * 60 > self._minute.start:
            if not self._minute.is_empty:
                self._minutes.append(self._minute)
            self._minute = Interval(now // 60 * 60, self._second.instances)
