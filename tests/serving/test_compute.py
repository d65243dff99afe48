from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from ironworks.serving.compute import ComputeThread, answer_to
from ironworks.serving.errors import InvocationError
from ironworks.serving.invocation import Answer, Handler, Invocation
from tests.serving.listening import in_loop

REQUEST = Invocation(b"x")


def failing(error: BaseException, cause: Exception | None = None) -> Handler:
    def handle(_: Invocation) -> Answer:
        raise error from cause

    return handle


def test_a_refused_request_is_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    answer = answer_to(REQUEST, failing(InvocationError(415, "not this")))
    assert (answer.status, answer.body) == (415, b"not this")
    assert [record.getMessage() for record in caplog.records] == ["Invocation answered with 415: not this"]
    assert "Traceback" not in caplog.text


def test_a_hooks_error_leaves_its_traceback_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    answer = answer_to(REQUEST, failing(InvocationError(400, "text"), KeyError("cause")))
    assert (answer.status, answer.body) == (400, b"text")
    assert "KeyError: 'cause'" in caplog.text


@pytest.mark.parametrize("error", [ZeroDivisionError("zero"), SystemExit(3), KeyboardInterrupt()])
def test_whatever_is_raised_is_a_500(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    answer = answer_to(REQUEST, failing(error))
    assert answer.status == 500
    assert type(error).__name__ in answer.body.decode()
    assert "Traceback" in caplog.text


def test_a_success_leaves_nothing_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        assert answer_to(REQUEST, lambda _: Answer(b"y")) == Answer(b"y")
    assert not caplog.records


@in_loop
async def test_invocations_are_answered_in_their_order_and_cancelled_ones_are_skipped() -> None:
    loop = asyncio.get_running_loop()
    seen: list[bytes] = []
    done = asyncio.Event()
    hold = threading.Event()

    def handle(invocation: Invocation) -> Answer:
        hold.wait(10)
        seen.append(invocation.body)
        return Answer(invocation.body)

    compute = ComputeThread(handle, loop)
    compute.submit(Invocation(b"1"), lambda _: None)
    compute.submit(Invocation(b"2"), lambda _: None).cancelled = True
    compute.submit(Invocation(b"3"), lambda _: done.set())
    hold.set()
    await done.wait()
    compute.stop()
    assert seen == [b"1", b"3"]


def test_the_thread_does_not_hold_up_the_end_of_the_process() -> None:
    loop = asyncio.new_event_loop()
    compute = ComputeThread(lambda _: Answer(b""), loop)
    loop.close()
    compute.submit(REQUEST, lambda _: None)  # its answer finds the loop closed
    compute._thread.join(10)
    assert not compute._thread.is_alive()
