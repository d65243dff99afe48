"""CloudWatch's service: one set of operations, three protocols. Clients of different age speak different ones.

AWS's model of it offers `rpc-v2-cbor`, `json` and `query`, in this order. botocore 1.44 and the aws CLI of its age take
`json`, older ones `query`; SDKs of other languages may take the first.
"""

from __future__ import annotations

from ironworks.server.call import Caller, Service
from ironworks.server.errors import ServiceError
from ironworks.server.http import Request, Response
from ironworks.server.protocols import cbor, json
from ironworks.server.services.document_service import DocumentService
from ironworks.server.services.operations import Operations
from ironworks.server.services.query_service import QueryService


class MonitoringService:
    """Passes each request to the protocol that it is written in."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self._cbor = DocumentService(operations, cbor)
        self._json = DocumentService(operations, json)
        self._query = QueryService(operations)

    async def answer(self, request: Request, caller: Caller) -> Response:
        """Perform the operation."""
        return await self._protocol(request).answer(request, caller)

    def failure(self, request: Request, error: ServiceError) -> Response:
        """The error in the request's protocol.

        Errors have the codes of `query`. A newer protocol has the name of the error's shape in its place, and the code
        in a header (smithy.io, trait awsQueryCompatible).
        """
        protocol = self._protocol(request)
        if protocol is self._query:
            return protocol.failure(request, error)
        shape = ServiceError(self._shape(error.code), error.message, error.status, error.details)
        response = protocol.failure(request, shape)
        side = "Sender" if error.status < 500 else "Receiver"
        response.headers["x-amzn-query-error"] = f"{error.code};{side}"
        return response

    def _protocol(self, request: Request) -> Service:
        if cbor.matches(request):
            return self._cbor
        return self._json if "x-amz-target" in request.headers else self._query

    def _shape(self, code: str) -> str:
        for shape in self._operations.model.error_shapes:
            if shape.metadata.get("error", {}).get("code") == code:
                return str(shape.name)
        return code
