from __future__ import annotations

import logging

import pytest

from ironworks.serving.compute import answer_to, one_by_one
from ironworks.serving.errors import InvocationError
from ironworks.serving.invocation import Answer, Handler, Invocation, model_time

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


def test_invocations_are_answered_one_by_one_with_what_the_model_took() -> None:
    def handle(invocation: Invocation) -> Answer:
        model_time.nanoseconds += len(invocation.body)
        return Answer(invocation.accept.encode(), invocation.content_type, 201)

    answer = one_by_one(handle)
    assert answer([(b"123", "a/b", "c/d"), (b"1", "", "")]) == [
        (201, b"a/b", b"c/d", 3),
        (201, b"application/json", b"*/*", 1),
    ]


def test_an_error_of_one_invocation_leaves_the_others_alone() -> None:
    def handle(invocation: Invocation) -> Answer:
        return Answer(b"%d" % (12 // int(invocation.body)))

    answers = one_by_one(handle)([(body, "", "") for body in (b"3", b"0", b"4")])
    assert [(status, body[:17]) for status, _, body, _ in answers] == [
        (200, b"4"),
        (500, b"ZeroDivisionError"),
        (200, b"3"),
    ]
