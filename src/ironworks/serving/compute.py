"""What the server calls with invocations: in one thread at a time, and it never raises."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from ironworks.serving.errors import InvocationError
from ironworks.serving.invocation import JSON, Answer, Handler, Invocation, model_time

Received = tuple[bytes, str, str]
"""Body, content type and accept; the last two are empty where nothing was sent."""

Sent = tuple[int, bytes, bytes, int]
"""Status, content type, body, and the nanoseconds that the model took."""

_log = logging.getLogger(__name__)


def one_by_one(handler: Handler) -> Callable[[Sequence[Received]], list[Sent]]:
    """The function that answers each invocation by itself."""

    def answer(requests: Sequence[Received]) -> list[Sent]:
        answers = []
        for body, content_type, accept in requests:
            model_time.nanoseconds = 0
            given = answer_to(Invocation(body, content_type or JSON, accept or JSON), handler)
            answers.append((given.status, given.content_type.encode(), given.body, model_time.nanoseconds))
        return answers

    return answer


def answer_to(invocation: Invocation, handler: Handler) -> Answer:
    """The handler's answer, or the answer that its error makes; a traceback goes to the log."""
    try:
        return handler(invocation)
    except BaseException as error:  # also a hook's sys.exit(): it ends the request, not the instance
        return answer_to_error(error)


def answer_to_error(error: BaseException) -> Answer:
    """The answer that says what went wrong; a traceback goes to the log."""
    if not isinstance(error, InvocationError):
        _log.error("Invocation answered with 500.", exc_info=error)
        return _text(500, f"{type(error).__name__}: {error} The endpoint's log has the traceback.")
    if error.__cause__ is None:
        _log.warning("Invocation answered with %d: %s", error.status, error.message)
    else:
        _log.error("Invocation answered with %d.", error.status, exc_info=error.__cause__)
    return _text(error.status, error.message)


def _text(status: int, message: str) -> Answer:
    return Answer(message.encode("utf-8", "replace"), "text/plain; charset=utf-8", status)
