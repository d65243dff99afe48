"""A service that speaks `rpc-v2-cbor`: CloudWatch."""

from __future__ import annotations

from ironworks.server.call import Caller
from ironworks.server.errors import ServiceError
from ironworks.server.http import Request, Response
from ironworks.server.protocols import cbor
from ironworks.server.services.operations import Operations

LARGEST_BODY = 1024 * 1024


class CborService:
    """Parses, performs and answers the operations of one service."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    async def answer(self, request: Request, caller: Caller) -> Response:
        """Perform the operation in the path."""
        operation = cbor.operation(request, self._operations.model)
        self._operations.require(operation)
        params = cbor.parse(await request.read(LARGEST_BODY), operation)
        output = await self._operations.perform(operation, caller, params)
        return cbor.serialize(output, operation, request.id)

    def failure(self, request: Request, error: ServiceError) -> Response:
        """The error as CBOR."""
        return cbor.failure(error, request.id)
