"""Calls the services of this server as a client does, but for the network and the signature.

An operation is written as a request, and parsed, validated, performed and answered as any other. So the console can do
nothing that the API cannot.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

from ironworks.server.call import Caller, Service
from ironworks.server.errors import ServiceError
from ironworks.server.http import Request, Response
from ironworks.server.keys import ROLE_NAME, Keys

_TARGETS = {"sagemaker": "SageMaker", "logs": "Logs_20140328", "ironworks": "Ironworks"}
"""The `targetPrefix` of the services that speak JSON."""


class Wire:
    """The services in one region."""

    def __init__(self, services: Mapping[str, Service], keys: Keys, region: str) -> None:
        self._services = services
        self._keys = keys
        self.region = region

    async def call(self, service: str, operation: str, **members: Any) -> dict[str, Any]:
        """Perform an operation of a service that speaks JSON; members that are None are left out.

        Moments are seconds since 1970, both ways.

        Raises:
            ServiceError: the operation is refused.
        """
        given = {name: value for name, value in members.items() if value is not None}
        headers = {"x-amz-target": f"{_TARGETS[service]}.{operation}"}
        answer = await self._send(service, "POST", "/", headers, json.dumps(given).encode())
        body = await read(answer)
        output: dict[str, Any] = json.loads(body) if body else {}
        return output

    async def sagemaker(self, operation: str, **members: Any) -> dict[str, Any]:
        """Perform an operation of SageMaker."""
        return await self.call("sagemaker", operation, **members)

    async def invoke(self, endpoint: str, headers: Mapping[str, str], body: bytes) -> Response:
        """InvokeEndpoint.

        Raises:
            ServiceError: nothing serves, or the model refused the payload.
        """
        return await self._send(
            "sagemaker-runtime", "POST", f"/endpoints/{endpoint}/invocations", headers, body
        )

    async def get_object(self, bucket: str, key: str) -> Response:
        """S3's GetObject; `key` is quoted as in a URL.

        Raises:
            ServiceError: it is not there.
        """
        answer = await self._send("s3", "GET", f"/{bucket}/{key}", {}, b"")
        if answer.status != 200:
            raise ServiceError("NoSuchKey", f"There is no object s3://{bucket}/{key}.", answer.status)
        return answer

    async def _send(
        self, service: str, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Response:
        caller = Caller(
            access_key=self._keys.access_key_id,
            account=self._keys.account,
            region=self.region,
            service=service,
            role_name=ROLE_NAME,
            session_name="console",
        )
        given = {"host": "console", "content-length": str(len(body)), **headers}
        request = Request(method, path, "", given, _pieces(body), str(uuid.uuid4()))
        return await self._services[service].answer(request, caller)


async def read(response: Response) -> bytes:
    """The whole body of an answer."""
    if isinstance(response.body, bytes):
        return response.body
    return b"".join([chunk async for chunk in response.body])


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    yield body
