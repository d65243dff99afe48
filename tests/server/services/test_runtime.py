"""InvokeEndpoint from the wire's side: what reaches an instance, and every way in which nothing does."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ironworks.control.resources import NotFound
from ironworks.control.routes import Route
from ironworks.server.backend import Backend
from ironworks.server.call import Caller
from ironworks.server.errors import ServiceError
from ironworks.server.http import Body, Request, Response
from ironworks.server.instances import InstancePool
from ironworks.server.metrics import Metrics
from ironworks.server.router import EndpointRouter
from ironworks.server.services import runtime
from ironworks.server.services.runtime import RuntimeService
from ironworks.serving.errors import InvocationError
from ironworks.serving.invocation import Answer, Invocation
from tests.server.test_instances import scripted
from tests.serving.listening import in_loop, listening

ARN = "arn:aws:sagemaker:us-west-2:123456789012:endpoint/digits"
CALLER = Caller("AKIA", "123456789012", "us-west-2", "sagemaker")
GROUP = "/aws/sagemaker/Endpoints/digits"


class Resources:
    """The database, as far as an invocation asks it: the states of endpoints by name."""

    def __init__(self) -> None:
        self.states: dict[str, str] = {}

    def get(self, _kind: str, _region: str, name: str) -> Any:
        if name not in self.states:
            raise NotFound("endpoint", name)
        return SimpleNamespace(status=self.states[name])


class Endpoint:
    """A runtime service whose one endpoint is `digits`."""

    def __init__(self) -> None:
        self.resources = Resources()
        self.router = EndpointRouter(InstancePool(patience=0.01))
        platform = SimpleNamespace(
            resources=self.resources,
            arn=lambda region, kind, name: f"arn:aws:sagemaker:{region}:123456789012:{kind}/{name}",
        )
        self.metrics = Metrics(self.router.instances)
        backend = SimpleNamespace(platform=platform, router=self.router, metrics=self.metrics)
        self.service = RuntimeService(cast(Backend, backend))

    async def invoke(
        self, body: bytes = b"1", name: str = "digits", operation: str = "invocations", **headers: str
    ) -> Response:
        named = {header.replace("_", "-"): value for header, value in headers.items()}
        path = f"/endpoints/{name}/{operation}"
        return await self.service.answer(Request("POST", path, "", named, chunks(body), "id"), CALLER)

    async def refusal(self, *arguments: Any, **headers: Any) -> ServiceError:
        with pytest.raises(ServiceError) as raised:
            await self.invoke(*arguments, **headers)
        return raised.value


async def chunks(body: bytes) -> Body:
    for start in range(0, len(body), 1 << 20):
        yield body[start : start + (1 << 20)]


@asynccontextmanager
async def endpoint(**variants: tuple[Path, ...]) -> AsyncIterator[Endpoint]:
    made = Endpoint()
    made.resources.states["digits"] = "InService"
    made.router.publish(ARN, [Route(name, 1.0, sockets) for name, sockets in variants.items()])
    try:
        yield made
    finally:
        await made.router.pool.close()
        await asyncio.sleep(0)


def echo(invocation: Invocation) -> Answer:
    return Answer(invocation.body, f"{invocation.content_type} {invocation.accept}")


@in_loop
async def test_the_body_and_what_describes_it_reach_the_model() -> None:
    async with listening(echo) as instance, endpoint(blue=(instance.socket,)) as digits:
        answer = await digits.invoke(b"5,6", content_type="text/csv", accept="a/b", authorization="secret")
    assert (answer.status, answer.body) == (200, b"5,6")
    assert answer.headers["Content-Type"] == "text/csv a/b"
    assert answer.headers["x-Amzn-Invoked-Production-Variant"] == "blue"
    assert answer.headers["x-amzn-RequestId"] == "id"


@in_loop
async def test_a_variant_can_be_asked_for_by_name() -> None:
    async with (
        listening(echo) as one,
        listening(echo) as two,
        endpoint(blue=(one.socket,), green=(two.socket,), grey=()) as digits,
    ):
        for name in ("green", "blue") * 3:
            answer = await digits.invoke(x_amzn_sagemaker_target_variant=name)
            assert answer.headers["x-Amzn-Invoked-Production-Variant"] == name
        error = await digits.refusal(x_amzn_sagemaker_target_variant="red")
        assert (error.code, error.status) == ("ValidationError", 400)
        assert error.message == "Variant red of endpoint digits not found."
        empty = await digits.refusal(x_amzn_sagemaker_target_variant="grey")
        assert (empty.code, empty.status) == ("ServiceUnavailable", 503)


@pytest.mark.parametrize(("status", "side"), [(415, "client"), (500, "server")])
def test_an_error_of_the_model_comes_with_all_its_members(status: int, side: str) -> None:
    def refuse(_: Invocation) -> Answer:
        raise InvocationError(status, 'no "such" thing')

    async def run() -> ServiceError:
        async with listening(refuse) as instance, endpoint(blue=(instance.socket,)) as digits:
            return await digits.refusal()

    error = asyncio.run(run())
    assert (error.code, error.status) == ("ModelError", 424)
    assert error.message.startswith(
        f'Received {side} error ({status}) from primary with message "no \\"such\\" thing". See '
    )
    assert "in account 123456789012 for more information." in error.message
    assert error.details == {
        "ErrorCode": f"{side.upper()}_ERROR_FROM_MODEL",
        "LogStreamArn": f"arn:aws:logs:us-west-2:123456789012:log-group:{GROUP}",
        "Message": error.message,
        "OriginalMessage": 'no "such" thing',
        "OriginalStatusCode": status,
    }


@in_loop
async def test_a_model_that_is_late_is_a_model_error_with_all_its_members() -> None:
    with tempfile.TemporaryDirectory(prefix="iw-") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime, "MODEL_SECONDS", 0.05)
        socket = Path(folder, "s")

        async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        silent = await asyncio.start_unix_server(say_nothing, str(socket))
        async with endpoint(blue=(socket,)) as digits:
            error = await digits.refusal()
        silent.close()
        await asyncio.sleep(0.01)
    assert (error.code, error.status) == ("ModelError", 424)
    assert error.details["OriginalStatusCode"] == 0
    assert set(error.details) == {
        "ErrorCode",
        "LogStreamArn",
        "Message",
        "OriginalMessage",
        "OriginalStatusCode",
    }


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (None, ("ValidationError", 400, "Endpoint digits of account 123456789012 not found.")),
        ("Creating", ("ModelNotReadyException", 429, "Endpoint digits is being created.")),
        ("InService", ("ServiceUnavailable", 503, "No instance of endpoint digits is ready yet.")),
        ("Failed", ("ValidationError", 400, "Endpoint digits is Failed.")),
    ],
)
def test_an_endpoint_that_serves_nothing_says_why(state: str | None, expected: tuple[str, int, str]) -> None:
    async def run() -> ServiceError:
        digits = Endpoint()
        if state is not None:
            digits.resources.states["digits"] = state
        return await digits.refusal()

    error = asyncio.run(run())
    assert (error.code, error.status, error.message) == expected


@in_loop
async def test_an_instance_that_is_gone_is_unavailable() -> None:
    async with endpoint(blue=(Path("/gone"),)) as digits:
        error = await digits.refusal()
    assert (error.code, error.status) == ("ServiceUnavailable", 503)


@in_loop
async def test_a_request_that_ends_two_instances_is_an_error_of_the_model_and_not_to_be_repeated() -> None:
    async with (
        scripted(None) as one,
        scripted(None) as two,
        endpoint(blue=(one.socket, two.socket)) as digits,
    ):
        error = await digits.refusal()
    assert (error.code, error.status) == ("ModelError", 424)
    assert "ended, twice" in error.details["OriginalMessage"]  # type: ignore[operator]


@in_loop
async def test_6_mib_are_taken_and_no_byte_more() -> None:
    async with listening(echo) as instance, endpoint(blue=(instance.socket,)) as digits:
        largest = bytes(6 * 1024 * 1024)
        reached = await digits.refusal(largest)
        refused = await digits.refusal(largest + b"x")
    assert reached.details["OriginalStatusCode"] == 413  # by this instance, which takes less
    assert (refused.code, refused.status) == ("ValidationError", 413)


@in_loop
async def test_the_route_is_chosen_when_the_body_is_there() -> None:
    async with listening(echo) as old, listening(echo) as new, endpoint(blue=(old.socket,)) as digits:

        async def slow() -> Body:
            yield b"a"
            digits.router.publish(ARN, [Route("green", 1.0, (new.socket,))])  # an update, meanwhile
            yield b"b"

        request = Request("POST", "/endpoints/digits/invocations", "", {}, slow(), "id")
        answer = await digits.service.answer(request, CALLER)
    assert answer.headers["x-Amzn-Invoked-Production-Variant"] == "green"


@in_loop
async def test_what_is_no_name_and_what_no_endpoint_has_is_refused() -> None:
    digits = Endpoint()
    for name in ("my_endpoint", "%C3%A9", "-a", "a" * 64):
        error = await digits.refusal(name=name)
        assert (error.code, error.status) == ("ValidationError", 400)
        assert "at 'endpointName'" in error.message
    for header, member in {"model": "TargetModel", "container-hostname": "TargetContainerHostname"}.items():
        error = await digits.refusal(**{f"x-amzn-sagemaker-target-{header}": "a"})
        assert error.code == "ValidationError"
        assert member in error.message


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        ("async-invocations", "InvokeEndpointAsync"),
        ("invocations-response-stream", "InvokeEndpointWithResponseStream"),
        ("nothing", "POST /endpoints/digits/nothing"),
    ],
)
def test_other_operations_are_refused_by_name(operation: str, name: str) -> None:
    async def run() -> ServiceError:
        return await Endpoint().refusal(operation=operation)

    error = asyncio.run(run())
    assert error.code == "UnknownOperationException"
    assert f"The operation {name} is" in error.message


def counted(digits: Endpoint) -> tuple[dict[int, int], list[int]]:
    """How many invocations had which status, and how many of them have each of the instance's times."""
    (invocations,) = [intervals.since_start() for intervals in digits.metrics.variants().values()]
    stages = (invocations.queue, invocations.hooks, invocations.model)
    return dict(invocations.statuses), [int(stage.total) for stage in stages]


@in_loop
async def test_an_invocation_is_counted_with_the_times_that_its_instance_tells() -> None:
    answer = b"HTTP/1.1 200 OK\r\nx-ironworks-times: 7,20,300\r\ncontent-length: 1\r\n\r\n1"
    with tempfile.TemporaryDirectory(prefix="iw-") as folder:
        socket = Path(folder, "s")

        async def tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await reader.read(4096):
                writer.write(answer)
            writer.close()

        telling = await asyncio.start_unix_server(tell, str(socket))
        async with endpoint(blue=(socket,)) as digits:
            response = await digits.invoke()
            assert "x-ironworks-times" not in map(str.lower, response.headers)
            assert counted(digits) == ({200: 1}, [7, 20, 300])
            (intervals,) = digits.metrics.variants().values()
            invocations = intervals.since_start()
            total, parts = invocations.total.total, (invocations.instance.total, invocations.overhead.total)
            assert total == sum(parts) and min(parts) > 0
        telling.close()
        await asyncio.sleep(0.01)


@in_loop
async def test_errors_of_models_are_counted_with_their_own_status() -> None:
    def refuse(invocation: Invocation) -> Answer:
        raise InvocationError(int(invocation.body), "no")

    async with listening(refuse) as instance, endpoint(blue=(instance.socket,)) as digits:
        for status in (b"415", b"500", b"500"):
            await digits.refusal(status)
        assert counted(digits)[0] == {415: 1, 500: 2}


@in_loop
async def test_an_instance_that_is_late_counts_as_504_and_one_that_is_not_there_as_503() -> None:
    with tempfile.TemporaryDirectory(prefix="iw-") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime, "MODEL_SECONDS", 0.05)
        async with endpoint(blue=(Path(folder, "nobody"),)) as digits:
            await digits.refusal()
            assert counted(digits)[0] == {503: 1}

        async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        silent = await asyncio.start_unix_server(say_nothing, str(Path(folder, "s")))
        async with endpoint(blue=(Path(folder, "s"),)) as digits:
            await digits.refusal()
            assert counted(digits)[0] == {504: 1}
        silent.close()
        await asyncio.sleep(0.01)


@in_loop
async def test_what_names_no_endpoint_is_counted_nowhere() -> None:
    async with endpoint(blue=()) as digits:
        await digits.refusal(name="letters")
        assert digits.metrics.variants() == {}


@in_loop
async def test_instances_that_end_while_they_are_at_work_count_as_502() -> None:
    with tempfile.TemporaryDirectory(prefix="iw-") as folder:

        async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.close()

        dying = await asyncio.start_unix_server(die, str(Path(folder, "s")))
        async with endpoint(blue=(Path(folder, "s"),)) as digits:
            error = await digits.refusal()
            assert error.code == "ModelError" and counted(digits)[0] == {502: 1}
        dying.close()
        await asyncio.sleep(0.01)
