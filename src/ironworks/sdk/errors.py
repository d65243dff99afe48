"""What the SDK raises, beside `ironworks.ClientError` for input that cannot be used.

IronworksError
├── ClientError
│   └── RequestRefused      the server refused a request: `code` and `operation` say which and why
├── PlatformError
│   └── ServerUnreachable   no server answers
├── Failed                  something that ran has failed: `name`, `reason` and its last `log_lines`
│   ├── TrainingFailed
│   ├── CompilationFailed
│   └── DeploymentFailed
└── InvocationFailed        an endpoint answered with an error: `status` and `body`
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ironworks.errors import AlgorithmError, ClientError, IronworksError, PlatformError

SHOWN_LINES = 15


class RequestRefused(ClientError):
    """The server refused an operation.

    Attributes:
        operation: such as `CreateTrainingJob`.
        code: AWS's error code, such as `ValidationException`.
        answer: all that the server said, as boto3 reads it.
    """

    def __init__(
        self, operation: str, code: str, message: str, answer: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        super().__init__(f"{operation}: {message} ({code})")
        self.operation = operation
        self.code = code
        self.answer = answer


class ServerUnreachable(PlatformError):
    """No server answers at the address."""


class Failed(IronworksError):
    """A job or an endpoint has failed.

    Attributes:
        name: its name.
        reason: the FailureReason.
        log_lines: the last lines that it printed.
    """

    what = "Job"
    remedies = {
        AlgorithmError.prefix: "Correct the script and run it again.",
        ClientError.prefix: "Correct what the request names and run it again.",
        PlatformError.prefix: "This installation is at fault; `ironworks doctor` looks for the cause.",
    }

    def __init__(self, name: str, reason: str, log_lines: Sequence[str] = ()) -> None:
        self.name = name
        self.reason = reason
        self.log_lines = tuple(log_lines)[-SHOWN_LINES:]
        super().__init__("\n".join(self._parts()))

    def _parts(self) -> list[str]:
        parts = [f"{self.what} {self.name} failed: {self.reason}"]
        if self.log_lines:
            parts += ["Its last lines:", *(f"  {line}" for line in self.log_lines)]
        remedy = self.remedies.get(self.reason.partition(":")[0], "")
        return [*parts, f"{remedy} All that it printed: ironworks logs {self.name}".strip()]


class TrainingFailed(Failed):
    """A training job has failed."""

    what = "Training job"


class CompilationFailed(Failed):
    """A compilation job has failed."""

    what = "Compilation job"


class DeploymentFailed(Failed):
    """An endpoint did not come into service. It has been deleted; its log is kept."""

    what = "Endpoint"


class InvocationFailed(IronworksError):
    """An endpoint answered a prediction with an error.

    Attributes:
        endpoint_name: which endpoint.
        status: the HTTP status of the model's answer, or of the server's.
        body: the text of that answer.
    """

    def __init__(self, endpoint_name: str, status: int, body: str) -> None:
        blame = "the input is at fault" if 400 <= status < 500 else "the endpoint is at fault"
        super().__init__(
            f"Endpoint {endpoint_name} answered {status} ({blame}): {body.strip() or 'no text'}\n"
            f"What it printed: ironworks logs {endpoint_name}"
        )
        self.endpoint_name = endpoint_name
        self.status = status
        self.body = body
