"""The S3 service: from the request to the operation and back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import cached_property
from typing import Any

from botocore.model import OperationModel

from ironworks.errors import IronworksError
from ironworks.objects import ObjectStore
from ironworks.objects.errors import DamagedStore, ObjectError, StoreFull
from ironworks.server.call import Caller
from ironworks.server.errors import ServiceError, UnknownOperation
from ironworks.server.http import Request, Response
from ironworks.server.protocols import rest_xml
from ironworks.server.protocols.model import service_model
from ironworks.server.services.s3.address import locate, query_of, with_hoisted_headers
from ironworks.server.services.s3.bodies import Payload
from ironworks.server.services.s3.call import Call, Reply, Span, refusal, refuse_version
from ironworks.server.services.s3.operations import BLOCKING, ROOTS, STREAMING

SENT_AT_ONCE = 1024 * 1024
"""Objects (or ranges) of up to this many bytes are read in the same step that finds them."""


class S3Service:
    """Amazon S3 over an object store. `account` owns every bucket."""

    def __init__(self, store: ObjectStore, account: str) -> None:
        self._store = store
        self._account = account

    @cached_property
    def _router(self) -> rest_xml.Router:
        """Made at first use: S3's model is large."""
        return rest_xml.Router(service_model("s3"))

    async def answer(self, request: Request, caller: Caller) -> Response:
        """Perform the request.

        Raises:
            ServiceError: as S3 refuses; `failure` writes it.
        """
        request = with_hoisted_headers(request)
        address = locate(request)
        query = query_of(request)
        operation = self._router.operation(request.method, address.segments, query, request.headers)
        try:
            body = b""
            if rest_xml.has_xml_body(operation):
                # Where the model has no checksum of the body, as in a completion, such a header is the object's.
                of_body = bool(operation.http_checksum)
                body = await Payload.of(request, caller).read(with_checksums=of_body)
            members = rest_xml.parse(operation, address.uri, query, request.headers, body)
            self._check(members)
            call = Call(self._store, request, query, caller, members, self._account)
            response = await _perform(operation, call)
        except ObjectError as error:
            raise refusal(error) from error
        except (DamagedStore, StoreFull) as error:
            raise ServiceError(error.code, str(error), error.status) from error
        response.headers["x-amz-request-id"] = request.id
        return response

    def failure(self, request: Request, error: ServiceError) -> Response:
        """The error in S3's form; without a body when the client cannot read one."""
        response = rest_xml.failure(error, request.path, request.id)
        response.headers["x-amz-request-id"] = request.id
        if request.method == "HEAD":
            response.body = b""
        return response

    def _check(self, members: dict[str, Any]) -> None:
        for name in ("ExpectedBucketOwner", "ExpectedSourceBucketOwner"):
            if members.get(name, self._account) != self._account:
                raise ServiceError("AccessDenied", f"The bucket's owner is not {members[name]}.", 403)
        refuse_version(members)


async def _perform(operation: OperationModel, call: Call) -> Response:
    if (streaming := STREAMING.get(operation.name)) is not None:
        return _respond(operation, await streaming(call))
    blocking = BLOCKING.get(operation.name)
    if blocking is None:
        raise UnknownOperation(operation.name)
    reply = await asyncio.to_thread(lambda: _read_small(blocking(call)))
    return _respond(operation, reply)


def _read_small(reply: Reply) -> Reply:
    span = reply.body
    if isinstance(span, Span) and span.end - span.start <= SENT_AT_ONCE:
        with span.reader:
            reply.body = b"".join(span.reader.chunks(span.start, span.end))
    return reply


def _respond(operation: OperationModel, reply: Reply) -> Response:
    response = rest_xml.serialize(
        operation, ROOTS.get(operation.name, f"{operation.name}Result"), reply.members
    )
    response.headers.update(reply.headers)
    if reply.status is not None:
        response.status = reply.status
    if reply.body is not None:
        response.body = _send(reply.body) if isinstance(reply.body, Span) else reply.body
    return response


async def _send(span: Span) -> AsyncIterator[bytes]:
    """The bytes of the span, reading the next chunk while one is sent."""
    chunks = span.reader.chunks(span.start, span.end)
    ahead = asyncio.create_task(asyncio.to_thread(next, chunks, b""))
    try:
        while chunk := await asyncio.shield(ahead):
            ahead = asyncio.create_task(asyncio.to_thread(next, chunks, b""))
            yield chunk
    finally:
        with contextlib.suppress(IronworksError):
            await ahead
        span.reader.close()
