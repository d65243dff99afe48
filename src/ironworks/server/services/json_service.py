"""A service that speaks `aws.json`: SageMaker, CloudWatch Logs."""

from __future__ import annotations

from ironworks.server.call import Caller
from ironworks.server.errors import ServiceError
from ironworks.server.http import Request, Response
from ironworks.server.protocols import json
from ironworks.server.services.operations import Operations

LARGEST_BODY = 8 * 1024 * 1024


class JsonService:
    """Parses, performs and answers the operations of one service."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    async def answer(self, request: Request, caller: Caller) -> Response:
        """Perform the operation in `X-Amz-Target`."""
        operation = json.operation(request, self._operations.model)
        self._operations.require(operation)
        params = json.parse(await request.read(LARGEST_BODY), operation)
        output = await self._operations.perform(operation, caller, params)
        return json.serialize(output, operation, request.id)

    def failure(self, request: Request, error: ServiceError) -> Response:
        """The error as JSON."""
        return json.failure(error, request.id)
