"""Whatever service of AWS is not performed here."""

from __future__ import annotations

from ironworks.server.call import Caller
from ironworks.server.errors import ServiceError
from ironworks.server.http import Request, Response
from ironworks.server.protocols import json


class UnknownService:
    """Refuses every operation at once, so that a client neither waits nor tries again."""

    async def answer(self, _request: Request, caller: Caller) -> Response:
        """Say which service is missing."""
        raise ServiceError(
            "UnknownOperationException", f"The service {caller.service} is not implemented by this server."
        )

    def failure(self, request: Request, error: ServiceError) -> Response:
        """As JSON, which most of AWS's services speak."""
        return json.failure(error, request.id)
