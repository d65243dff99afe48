"""What the server calls with invocations: in one thread at a time, and it never raises."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from ironworks.serving.errors import InvocationError
from ironworks.serving.invocation import ANY, JSON, Answer, Handler, Invocation, model_time

Received = tuple[bytes, str, str]
"""Body, content type and accept; the last two are empty where nothing was sent."""

Sent = tuple[int, bytes, bytes, int]
"""Status, content type, body, and the nanoseconds that the model took."""

Compute = Callable[[Sequence[Received]], list[Sent]]

_log = logging.getLogger(__name__)


def one_by_one(handler: Handler) -> Compute:
    """The function that answers each invocation by itself."""

    def answer(requests: Sequence[Received]) -> list[Sent]:
        answers = []
        for request in requests:
            model_time.nanoseconds = 0
            answers.append(sent(answer_to(invocation_of(request), handler)))
        return answers

    return answer


def invocation_of(request: Received) -> Invocation:
    """What a hook is given for what came in."""
    body, content_type, accept = request
    return Invocation(body, content_type or JSON, accept or ANY)


def sent(answer: Answer) -> Sent:
    """What goes out for an answer, and how long the model took."""
    return answer.status, answer.content_type.encode(), answer.body, model_time.nanoseconds


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
