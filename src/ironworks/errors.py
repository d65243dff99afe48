"""The exceptions that cross rooms.

IronworksError
├── ClientError        the caller's input is at fault          FailureReason "ClientError: …"
├── AlgorithmError     the user's own code failed              FailureReason "AlgorithmError: …"
└── PlatformError      this installation is at fault           FailureReason "InternalServerError: …"

Each message names what is at fault and says what to do about it.
"""

from __future__ import annotations

FAILURE_REASON_LIMIT = 1024
"""Characters that SageMaker keeps of a FailureReason."""


class IronworksError(Exception):
    """An error with a message written for the person who can act on it."""

    prefix = "InternalServerError"

    @property
    def failure_reason(self) -> str:
        """The text that a Describe operation answers, at most 1,024 characters."""
        return f"{self.prefix}: {self}"[:FAILURE_REASON_LIMIT]


class ClientError(IronworksError):
    """What the caller gave cannot be used: a missing object, a wrong shape, an unknown operator."""

    prefix = "ClientError"


class PlatformError(IronworksError):
    """Something that Ironworks itself is responsible for went wrong."""


class AlgorithmError(IronworksError):
    """The user's code ended with a failure."""

    prefix = "AlgorithmError"

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code

    @property
    def failure_reason(self) -> str:
        """SageMaker's form: the message, cut so that the exit code always fits."""
        tail = f", exit code: {self.exit_code}"
        head = f"{self.prefix}: {self}"
        return head[: FAILURE_REASON_LIMIT - len(tail)] + tail
