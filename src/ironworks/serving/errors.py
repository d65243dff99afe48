"""What can go wrong at an endpoint instance.

StartupError           the instance cannot serve at all; the process ends with this as its last line
InvocationError        one request gets an error status and a text
"""

from __future__ import annotations


class StartupError(Exception):
    """The model or the user's module cannot be loaded. The message says what to do."""


class InvocationError(Exception):
    """One invocation has no result.

    Attributes:
        status: the HTTP status, 4xx when the request is at fault.
        message: the body of the answer.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
