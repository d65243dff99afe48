"""SageMaker Runtime: InvokeEndpoint. The body goes to an instance and comes back as it is."""

from __future__ import annotations

import json as json_module
import re

from ironworks.control import endpoints
from ironworks.control.endpoint_controller import Route
from ironworks.control.resources import NotFound
from ironworks.server.backend import Backend
from ironworks.server.call import Caller
from ironworks.server.errors import ServiceError, UnknownOperation
from ironworks.server.http import Request, RequestTooLarge, Response
from ironworks.server.instances import InstanceAnswer, InstanceTimeout, NoInstance
from ironworks.server.protocols import json
from ironworks.server.router import key

LARGEST_BODY = 6 * 1024 * 1024
MODEL_SECONDS = 60.0
_PATH = re.compile(r"/endpoints/([a-zA-Z0-9](?:-*[a-zA-Z0-9]){0,62})/(invocations[\w-]*|async-invocations)")
_FORWARDED = ("content-type", "accept", "x-amzn-sagemaker-custom-attributes", "x-amzn-sagemaker-inference-id")
_CUSTOM = "x-amzn-sagemaker-custom-attributes"


def matches(request: Request) -> bool:
    """Whether this is a call of SageMaker Runtime; it shares its signing name with SageMaker."""
    return request.path.startswith("/endpoints/")


class RuntimeService:
    """Passes invocations to the instances of endpoints."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def answer(self, request: Request, caller: Caller) -> Response:
        """Perform InvokeEndpoint."""
        match = _PATH.fullmatch(request.path)
        if match is None or request.method != "POST":
            raise UnknownOperation(f"{request.method} {request.path}")
        name, operation = match.groups()
        if operation != "invocations":
            raise UnknownOperation(
                "InvokeEndpointAsync" if operation.startswith("async") else "InvokeEndpointWithResponseStream"
            )
        arn = self._backend.platform.arn(caller.region, endpoints.KIND, name)
        route = self._route(request, caller, name, arn)
        answer = await self._invoke(request, arn, route)
        if answer.status >= 400:
            raise _model_error(caller, name, answer)
        return _success(request, route, answer)

    def failure(self, request: Request, error: ServiceError) -> Response:
        """The error as JSON."""
        return json.failure(error, request.id)

    def _route(self, request: Request, caller: Caller, name: str, arn: str) -> Route:
        wanted = request.headers.get("x-amzn-sagemaker-target-variant")
        routes = self._backend.router.routes(arn)
        if not routes:
            raise self._not_served(caller, name)
        if wanted is None:
            route = self._backend.router.choose(arn)
        else:
            route = next((route for route in routes if route.variant == wanted), None)
            if route is None:
                raise ServiceError("ValidationError", f"Variant {wanted} of endpoint {name} not found.")
        if route is None or not route.sockets:
            raise ServiceError("ServiceUnavailable", f"No instance of endpoint {name} is ready.", 503)
        return route

    def _not_served(self, caller: Caller, name: str) -> ServiceError:
        try:
            endpoint = self._backend.platform.resources.get(endpoints.KIND, caller.region, name)
        except NotFound:
            return ServiceError("ValidationError", f"Endpoint {name} of account {caller.account} not found.")
        if endpoint.status == "Creating":
            return ServiceError("ModelNotReadyException", f"Endpoint {name} is being created.", 429)
        if endpoint.status == "InService":
            return ServiceError("ServiceUnavailable", f"No instance of endpoint {name} is ready yet.", 503)
        return ServiceError("ValidationError", f"Endpoint {name} is {endpoint.status}.")

    async def _invoke(self, request: Request, arn: str, route: Route) -> InstanceAnswer:
        headers = {name: request.headers[name] for name in _FORWARDED if name in request.headers}
        try:
            body = await request.read(LARGEST_BODY)
            return await self._backend.router.pool.invoke(
                key(arn, route.variant), body=body, headers=headers, timeout=MODEL_SECONDS
            )
        except RequestTooLarge as error:
            raise ServiceError("ValidationError", str(error), 413) from None
        except NoInstance:
            raise ServiceError("ServiceUnavailable", "No instance of the endpoint is ready.", 503) from None
        except InstanceTimeout:
            details: dict[str, object] = {"OriginalStatusCode": 0, "OriginalMessage": "", "LogStreamArn": ""}
            message = f"The model did not answer within {MODEL_SECONDS:.0f} s."
            raise ServiceError("ModelError", message, 424, details) from None


def _success(request: Request, route: Route, answer: InstanceAnswer) -> Response:
    headers = {
        "Content-Type": answer.headers.get("content-type", "application/octet-stream"),
        "x-Amzn-Invoked-Production-Variant": route.variant,
        "x-amzn-RequestId": request.id,
    }
    if _CUSTOM in answer.headers:
        headers[_CUSTOM] = answer.headers[_CUSTOM]
    return Response(200, headers, answer.body)


def _model_error(caller: Caller, name: str, answer: InstanceAnswer) -> ServiceError:
    original = answer.body.decode(errors="replace")[:1024]
    side = "client" if answer.status < 500 else "server"
    group = f"{endpoints.LOG_GROUP}/{name}"
    message = (
        f"Received {side} error ({answer.status}) from primary with message {json_module.dumps(original)}. "
        f"See the log group {group} in account {caller.account} for more information."
    )
    stream = f"arn:aws:logs:{caller.region}:{caller.account}:log-group:{group}"
    details: dict[str, object] = {
        "ErrorCode": f"{side.upper()}_ERROR_FROM_MODEL",
        "LogStreamArn": stream,
        "Message": message,
        "OriginalMessage": original,
        "OriginalStatusCode": answer.status,
    }
    return ServiceError("ModelError", message, 424, details)
