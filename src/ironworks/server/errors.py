"""Errors as AWS's clients read them: a code, a message and an HTTP status."""

from __future__ import annotations


class ServiceError(Exception):
    """What a service answers instead of a result.

    Attributes:
        code: AWS's error code, such as `ValidationException`.
        message: says what is at fault and what to do.
        status: the HTTP status.
        details: further members of the error's shape, such as `OriginalStatusCode` of a `ModelError`.
    """

    def __init__(
        self, code: str, message: str, status: int = 400, details: dict[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.details = details or {}


class ValidationError(ServiceError):
    """A member of the request is missing or wrong."""

    def __init__(self, message: str) -> None:
        super().__init__("ValidationException", message)


class UnknownOperation(ServiceError):
    """An operation of AWS's model, or none at all, that this server does not perform."""

    def __init__(self, operation: str) -> None:
        super().__init__(
            "UnknownOperationException", f"The operation {operation} is not implemented by this server."
        )
