"""A service that speaks `query`: STS, IAM."""

from __future__ import annotations

from ironworks.server.call import Caller
from ironworks.server.errors import ServiceError
from ironworks.server.http import Request, Response
from ironworks.server.protocols import query
from ironworks.server.services.operations import Operations

LARGEST_BODY = 1024 * 1024


class QueryService:
    """Parses, performs and answers the operations of one service."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    async def answer(self, request: Request, caller: Caller) -> Response:
        """Perform the operation in the form's `Action`."""
        form = query.parse_form(await request.read(LARGEST_BODY), request.query)
        operation = query.operation(form, self._operations.model)
        self._operations.require(operation)
        params = query.parse(form, operation)
        output = await self._operations.perform(operation, caller, params)
        return query.serialize(output, operation, request.id)

    def failure(self, request: Request, error: ServiceError) -> Response:
        """The error as XML."""
        return query.failure(error, request.id)
