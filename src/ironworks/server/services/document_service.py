"""A service whose requests are documents: in `aws.json` SageMaker and CloudWatch Logs, in `rpc-v2-cbor` CloudWatch."""

from __future__ import annotations

from typing import Any, Protocol

from botocore.model import OperationModel, ServiceModel

from ironworks.server.call import Caller
from ironworks.server.errors import ServiceError
from ironworks.server.http import Request, Response
from ironworks.server.services.operations import Operations


class DocumentProtocol(Protocol):
    """What the modules `protocols.json` and `protocols.cbor` offer."""

    LARGEST_BODY: int

    def operation(self, request: Request, model: ServiceModel, /) -> OperationModel: ...

    def parse(self, body: bytes, model: OperationModel, /) -> dict[str, Any]: ...

    def serialize(
        self, output: dict[str, Any] | None, model: OperationModel, request_id: str, /
    ) -> Response: ...

    def failure(self, error: ServiceError, request_id: str, /) -> Response: ...


class DocumentService:
    """Parses, performs and answers the operations of one service."""

    def __init__(self, operations: Operations, protocol: DocumentProtocol) -> None:
        self._operations = operations
        self._protocol = protocol

    async def answer(self, request: Request, caller: Caller) -> Response:
        """Perform the operation that the request's head names."""
        operation = self._protocol.operation(request, self._operations.model)
        self._operations.require(operation)
        params = self._protocol.parse(await request.read(self._protocol.LARGEST_BODY), operation)
        output = await self._operations.perform(operation, caller, params)
        return self._protocol.serialize(output, operation, request.id)

    def failure(self, request: Request, error: ServiceError) -> Response:
        """The error in the service's protocol."""
        return self._protocol.failure(error, request.id)
