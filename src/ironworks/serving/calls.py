"""Calling the user's functions: what they raise and what they return, as answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ironworks.serving import codecs
from ironworks.serving.errors import InvocationError
from ironworks.serving.invocation import Answer

Hook = Callable[..., Any]

_NEVER_THE_INPUT = (ImportError, NameError, AttributeError, SyntaxError, MemoryError, SystemError)
"""What a hook raises because of its own code, whatever it was given."""


def call_on_input(hook: Hook, *arguments: Any) -> Any:
    """Call a hook that reads the payload: what it raises is the request's fault, unless that can only be its own.

    Raises:
        InvocationError: 400 or 500.
    """
    try:
        return hook(*arguments)
    except _NEVER_THE_INPUT as error:
        raise _failure(hook, error) from error
    except Exception as error:
        text = str(error) if not isinstance(error, LookupError) else f"{type(error).__name__}: {error}"
        raise InvocationError(400, f"{hook.__name__}: {text or type(error).__name__}") from error


def call(hook: Hook, *arguments: Any) -> Any:
    """Call any other hook.

    Raises:
        InvocationError: 500, it raised something.
    """
    try:
        return hook(*arguments)
    except Exception as error:
        raise _failure(hook, error) from error


def answer(hook: str, result: Any, content_type: str) -> Answer:
    """A hook's result as an answer: a body of type `content_type`, or the pair of a body and its content type.

    Raises:
        InvocationError: 500, it is neither; 406, the body has no form in that type.
    """
    body = result
    if isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], str):
        body, content_type = result
    try:
        if isinstance(body, str):
            return Answer(body.encode(), content_type)
        if isinstance(body, bytes | bytearray | memoryview):
            return Answer(bytes(body), content_type)
        if body is None:
            raise TypeError("it gave None.")
        return Answer(*codecs.encode(body, content_type))
    except (TypeError, ValueError) as error:
        raise InvocationError(
            500, f"{hook} must give a body, or a body and its content type: {error}"
        ) from error


def _failure(hook: Hook, error: Exception) -> InvocationError:
    return InvocationError(
        500, f"{hook.__name__}: {type(error).__name__}: {error} The endpoint's log has the traceback."
    )
