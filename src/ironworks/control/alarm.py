"""What wakes the reconciler before its time: somebody asked for something, or a process ended."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Set

from ironworks.executors import Executor, Handle


class Alarm:
    """A wait that ends early. `wake` may be called from any thread, everything else from one."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._ringing = threading.Lock()
        self._closed = False
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._watched: dict[Handle, int | None] = {}
        self._poll = select.epoll()
        self._poll.register(self._bell, select.EPOLLIN)

    def wake(self) -> None:
        """End the wait that is under way, or the next one."""
        with self._ringing:
            if not self._closed:
                os.eventfd_write(self._bell, 1)

    def wait(self, seconds: float) -> None:
        """Until `seconds` are over, somebody calls `wake`, or a process that is watched ends."""
        for descriptor, _ in self._poll.poll(seconds):
            if descriptor == self._bell:
                os.eventfd_read(self._bell)

    def watch(self, processes: Set[Handle]) -> None:
        """From now on these processes are watched, and no others. The end of each ends one wait."""
        for handle in self._watched.keys() - processes:
            descriptor = self._watched.pop(handle)
            if descriptor is not None:
                os.close(descriptor)  # epoll forgets it by itself
        for handle in processes - self._watched.keys():
            descriptor = self._watched[handle] = self._executor.descriptor(handle)
            if descriptor is not None:
                self._poll.register(descriptor, select.EPOLLIN | select.EPOLLONESHOT)

    def close(self) -> None:
        """Watch nothing any more."""
        self.watch(set())
        self._poll.close()
        with self._ringing:
            self._closed = True
            os.close(self._bell)
