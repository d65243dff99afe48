"""SageMaker Runtime: InvokeEndpoint. The body goes to an instance and comes back as it is."""

from __future__ import annotations

import json as json_module
import re
import time
from functools import lru_cache
from urllib.parse import unquote

from ironworks.control import endpoints
from ironworks.control.resources import NotFound
from ironworks.control.routes import Route
from ironworks.server.backend import Backend
from ironworks.server.call import Caller
from ironworks.server.errors import ServiceError, UnknownOperation
from ironworks.server.http import Request, RequestTooLarge, Response
from ironworks.server.instances import InstanceAnswer, InstanceLost, InstanceTimeout, NoInstance
from ironworks.server.metrics import Times, parse_times
from ironworks.server.protocols import json
from ironworks.server.router import key

LARGEST_BODY = 6 * 1024 * 1024
MODEL_SECONDS = 60.0
_PATH = re.compile(r"/endpoints/([^/]+)/(invocations|invocations-response-stream|async-invocations)")
_OPERATIONS = {
    "invocations": "InvokeEndpoint",
    "invocations-response-stream": "InvokeEndpointWithResponseStream",
    "async-invocations": "InvokeEndpointAsync",
}
_NAME = re.compile(r"[a-zA-Z0-9](?:-*[a-zA-Z0-9]){0,62}")
_FORWARDED = ("content-type", "accept", "x-amzn-sagemaker-custom-attributes", "x-amzn-sagemaker-inference-id")
_CUSTOM = "x-amzn-sagemaker-custom-attributes"
_TIMES = "x-ironworks-times"
"""How an instance spent its time, in its answer; it is not passed on."""
_UNAVAILABLE = {
    "x-amzn-sagemaker-target-model": "TargetModel",
    "x-amzn-sagemaker-target-container-hostname": "TargetContainerHostname",
    "x-amzn-sagemaker-inference-component": "InferenceComponentName",
}
"""Headers that choose among several models behind one variant, which no endpoint here has."""


def matches(request: Request) -> bool:
    """Whether this is a call of SageMaker Runtime; it shares its signing name with SageMaker."""
    return request.path.startswith("/endpoints/")


class RuntimeService:
    """Passes invocations to the instances of endpoints."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def answer(self, request: Request, caller: Caller) -> Response:
        """Perform InvokeEndpoint."""
        name = _endpoint_name(request)
        # First the body, which takes its time: whom to ask is decided when there is something to send.
        body = await _body(request)
        arn = self._backend.platform.arn(caller.region, endpoints.KIND, name)
        route = self._route(request, caller, name, arn)
        answer = await self._invoke(request, caller, name, arn, route.variant, body)
        if answer.status >= 400:
            raise _model_error(caller, name, answer.status, answer.body.decode(errors="replace")[:1024])
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

    async def _invoke(
        self, request: Request, caller: Caller, name: str, arn: str, variant: str, body: bytes
    ) -> InstanceAnswer:
        headers = {header: request.headers[header] for header in _FORWARDED if header in request.headers}
        sent = time.perf_counter()
        try:
            answer = await self._backend.router.pool.invoke(
                key(arn, variant), body=body, headers=headers, timeout=MODEL_SECONDS
            )
        except NoInstance:
            self._count(request, arn, variant, sent, 503)
            raise ServiceError(
                "ServiceUnavailable", f"No instance of endpoint {name} is ready.", 503
            ) from None
        except InstanceLost:
            self._count(request, arn, variant, sent, 502)
            lost = "The model's process ended, twice, while it was at work on this request."
            raise _model_error(caller, name, 0, lost) from None
        except InstanceTimeout:
            self._count(request, arn, variant, sent, 504)
            late = f"The model did not answer within {MODEL_SECONDS:.0f} s."
            raise _model_error(caller, name, 0, late) from None
        self._count(request, arn, variant, sent, answer.status, parse_times(answer.headers.get(_TIMES)))
        return answer

    def _count(
        self, request: Request, arn: str, variant: str, sent: float, status: int, times: Times | None = None
    ) -> None:
        now = time.perf_counter()
        total, instance = int(1e6 * (now - request.received)), int(1e6 * (now - sent))
        self._backend.metrics.record(arn, variant, status, total_us=total, instance_us=instance, times=times)


def _endpoint_name(request: Request) -> str:
    """The endpoint that an InvokeEndpoint names.

    Raises:
        ServiceError: it is another operation, or asks for what no endpoint has.
    """
    if request.method != "POST":
        raise UnknownOperation(f"{request.method} {request.path}")
    name = _name_in(request.path)
    for header, member in _UNAVAILABLE.items():
        if header in request.headers:
            raise ServiceError(
                "ValidationError", f"{member} is not allowed: a variant of endpoint {name} has one model."
            )
    return name


@lru_cache(maxsize=256)
def _name_in(path: str) -> str:
    match = _PATH.fullmatch(path)
    if match is None:
        raise UnknownOperation(f"POST {path}")
    name, operation = unquote(match[1]), _OPERATIONS[match[2]]
    if operation != "InvokeEndpoint":
        raise UnknownOperation(operation)
    if not _NAME.fullmatch(name):
        raise ServiceError(
            "ValidationError",
            f"1 validation error detected: Value '{name}' at 'endpointName' failed to satisfy constraint: Member "
            f"must satisfy regular expression pattern: {_NAME.pattern}",
        )
    return name


async def _body(request: Request) -> bytes:
    try:
        return await request.read(LARGEST_BODY)
    except RequestTooLarge as error:
        raise ServiceError("ValidationError", str(error), 413) from None


def _success(request: Request, route: Route, answer: InstanceAnswer) -> Response:
    headers = {
        "Content-Type": answer.headers.get("content-type", "application/octet-stream"),
        "x-Amzn-Invoked-Production-Variant": route.variant,
        "x-amzn-RequestId": request.id,
    }
    if _CUSTOM in answer.headers:
        headers[_CUSTOM] = answer.headers[_CUSTOM]
    return Response(200, headers, answer.body)


def _model_error(caller: Caller, name: str, status: int, original: str) -> ServiceError:
    """What the model answered, or with status 0 that it did not."""
    side = "client" if 400 <= status < 500 else "server"
    group = f"{endpoints.LOG_GROUP}/{name}"
    message = (
        f"Received {side} error ({status}) from primary with message {json_module.dumps(original)}. "
        f"See the log group {group} in account {caller.account} for more information."
    )
    details: dict[str, object] = {
        "ErrorCode": f"{side.upper()}_ERROR_FROM_MODEL",
        "LogStreamArn": f"arn:aws:logs:{caller.region}:{caller.account}:log-group:{group}",
        "Message": message,
        "OriginalMessage": original,
        "OriginalStatusCode": status,
    }
    return ServiceError("ModelError", message, 424, details)
