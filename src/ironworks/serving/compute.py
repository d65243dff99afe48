"""The one thread that runs the user's functions and the model, so that the event loop never waits for them."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue

from ironworks.serving.errors import InvocationError
from ironworks.serving.invocation import Answer, Handler, Invocation

_log = logging.getLogger(__name__)


class Task:
    """An invocation that waits for its turn or runs."""

    __slots__ = ("cancelled", "deliver", "invocation")

    def __init__(self, invocation: Invocation, deliver: Callable[[Answer], None]) -> None:
        self.invocation = invocation
        self.deliver = deliver
        self.cancelled = False


class ComputeThread:
    """Answers invocations in the order in which they came.

    One thread, because a model's compiled code uses one core (a target's thread count is 1) and Python's own code
    cannot use more: instances are what scales.
    """

    def __init__(self, handler: Handler, loop: asyncio.AbstractEventLoop) -> None:
        self._handler = handler
        self._loop = loop
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="compute", daemon=True)
        self._thread.start()

    def submit(self, invocation: Invocation, deliver: Callable[[Answer], None]) -> Task:
        """Answer `invocation`; `deliver` is called in the loop's thread. Setting the task's `cancelled` drops it."""
        task = Task(invocation, deliver)
        self._tasks.put(task)
        return task

    def stop(self) -> None:
        """End the thread after what it has been given. A function that never returns does not hold up the process."""
        self._tasks.put(None)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            if not task.cancelled:
                answer = answer_to(task.invocation, self._handler)
                try:
                    self._loop.call_soon_threadsafe(task.deliver, answer)
                except RuntimeError:  # the loop is closed: nobody waits any more
                    return


def answer_to(invocation: Invocation, handler: Handler) -> Answer:
    """The handler's answer, or the answer that its error makes; a traceback goes to the log."""
    try:
        return handler(invocation)
    except InvocationError as error:
        if error.__cause__ is None:
            _log.warning("Invocation answered with %d: %s", error.status, error.message)
        else:
            _log.error("Invocation answered with %d.", error.status, exc_info=error.__cause__)
        return _text(error.status, error.message)
    except BaseException as error:  # also a hook's sys.exit(): it ends the request, not the instance
        _log.exception("Invocation answered with 500.")
        return _text(500, f"{type(error).__name__}: {error} The endpoint's log has the traceback.")


def _text(status: int, message: str) -> Answer:
    return Answer(message.encode("utf-8", "replace"), "text/plain; charset=utf-8", status)
