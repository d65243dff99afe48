"""How commands fail: what is said on standard error, and the exit code, which scripts can rely on."""

from __future__ import annotations

import sys

from ironworks.errors import ClientError, IronworksError

FAILED = 1
USAGE = 2
NOT_RUNNING = 3
"""As the Linux Standard Base gives it to `status` of a service that does not run."""
NOT_FOUND = 4


class NotRunning(ClientError):
    """The command needs a server, and none runs on the home."""


class NotFound(ClientError):
    """Nothing has the name that was given."""


class Misuse(ClientError):
    """The arguments do not go together, or cannot be read."""


_CODES: dict[type[Exception], int] = {NotRunning: NOT_RUNNING, NotFound: NOT_FOUND, Misuse: USAGE}


def explained(error: Exception) -> tuple[str, int] | None:
    """The message and the exit code of an error that is foreseen; None for any other, which is a bug."""
    if isinstance(error, IronworksError):
        return str(error), _CODES.get(type(error), FAILED)
    if isinstance(error, OSError):  # a home that cannot be read or written, a disk that is full
        return f"{error}. What is wrong with the home: ironworks doctor", FAILED
    botocore = sys.modules.get("botocore.exceptions")  # not imported for this: it takes a tenth of a second
    if botocore is None:
        return None
    if isinstance(error, botocore.ClientError):
        return error.response["Error"].get("Message") or str(error), FAILED
    if isinstance(error, botocore.HTTPClientError | botocore.ConnectionError):
        return f"The server does not answer as it should: {error}. See: ironworks status", FAILED
    if isinstance(error, botocore.BotoCoreError):
        return str(error), FAILED
    return None
