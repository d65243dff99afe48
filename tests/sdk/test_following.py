"""How what happens is put into an order, from what the server answers."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from ironworks.sdk import following
from ironworks.sdk.errors import RequestRefused
from ironworks.sdk.following import Line, Log, LogReader, Phase, follow
from ironworks.sdk.progress import show
from tests.sdk.recorder import Recorder

LOG = Log("group", "job/")
RUNNING = ("InProgress",)


def change(version: str, status: str, since: float, **more: str) -> dict[str, Any]:
    return {
        "Version": version,
        "Status": status,
        "LastModifiedTime": datetime.fromtimestamp(since, timezone.utc),
        **more,
    }


def streams(*names: str, **more: str) -> dict[str, Any]:
    return {"logStreams": [{"logStreamName": name} for name in names], **more}


def events(token: str, *lines: tuple[float, str]) -> dict[str, Any]:
    return {
        "events": [{"timestamp": int(when * 1000), "message": text} for when, text in lines],
        "nextForwardToken": token,
    }


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that following would have slept."""
    slept: list[float] = []
    monkeypatch.setattr(following.time, "sleep", slept.append)
    return slept


def test_lines_and_phases_come_in_the_order_of_time() -> None:
    session = Recorder(
        change("1", "InProgress", 10, SecondaryStatus="Uploading"),
        streams("job/algo-1"),
        events("t1", (9, "before"), (11, "after")),
        events("t1"),
        change("2", "Completed", 12, SecondaryStatus="Completed"),
        streams("job/algo-1"),
        events("t2", (13, "late")),
        events("t2"),
    )
    told = list(follow(session, "arn", RUNNING, LOG))
    assert told == [
        Line("before", "job/algo-1", 9),
        Phase("Uploading", 10),
        Line("after", "job/algo-1", 11),
        Line("late", "job/algo-1", 13),  # nothing comes behind the end
        Phase("Completed", 12, final=True),
    ]


def test_the_version_of_the_last_answer_is_given_to_the_next_call() -> None:
    session = Recorder(change("1", "InProgress", 1), change("2", "InProgress", 1), change("3", "Stopped", 2))
    assert [event.name for event in follow(session, "arn", RUNNING, None)] == ["InProgress", "Stopped"]
    assert [parameters.get("Version") for _, parameters in session.calls] == [None, "1", "2"]


def test_a_log_that_grows_is_looked_at_now_and_then_only(pauses: list[float]) -> None:
    session = Recorder(
        change("1", "InProgress", 1),
        streams("job/algo-1"),
        events("t1"),
        change("2", "InProgress", 1),
        streams("job/algo-1"),
        events("t2", (2, "a line")),
        events("t2"),
        change("3", "Completed", 3),
        streams("job/algo-1"),
        events("t2"),
    )
    list(follow(session, "arn", RUNNING, LOG))
    assert pauses == [following.PAUSE_SECONDS]


def test_a_failure_carries_its_reason() -> None:
    session = Recorder(change("1", "Failed", 1, FailureReason="AlgorithmError: no"))
    (phase,) = follow(session, "arn", RUNNING, None)
    assert phase == Phase("Failed", 1, final=True, reason="AlgorithmError: no")


def test_all_streams_are_read_page_by_page_from_where_they_ended() -> None:
    session = Recorder(
        streams("job/algo-1", nextToken="more"),
        streams("job/algo-2"),
        events("a1", (1, "one")),
        events("a1"),
        events("b1", (0.5, "two")),
        events("b1"),
        streams("job/algo-1", "job/algo-2"),
        events("a1"),
        events("b1"),
    )
    reader = LogReader(session, LOG)
    assert [line.text for line in reader.read()] == ["two", "one"]
    assert reader.read() == []
    assert session.calls[1][1]["nextToken"] == "more"
    assert [
        parameters.get("nextToken") for name, parameters in session.calls if name == "get_log_events"
    ] == [
        None,
        "a1",
        None,
        "b1",
        "a1",
        "b1",
    ]


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "AccessDenied"])
def test_a_log_that_is_not_there_yet_is_empty(code: str) -> None:
    class Refusing(Recorder):
        def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
            raise RequestRefused("DescribeLogStreams", code, "no")

    reader = LogReader(Refusing(), LOG)
    if code == "ResourceNotFoundException":
        assert reader.read() == []
    else:
        with pytest.raises(RequestRefused):
            reader.read()


def test_hosts_are_named_where_there_are_several(capsys: pytest.CaptureFixture[str]) -> None:
    last = show(
        "Training job j",
        [
            Phase("Training", 1),
            Line("a", "j/algo-1-5", 1),
            Line("b", "j/algo-2-5", 1),
            Phase("Completed", 3.5, final=True),
        ],
    )
    assert last.name == "Completed"
    assert capsys.readouterr().out.splitlines() == [
        "Training job j",
        "  Training",
        "  │ a",
        "  │ algo-2-5: b",
        "  Completed after 2.5 s",
    ]


def test_a_compilation_has_no_lines_of_one_whose_name_begins_alike() -> None:
    session = Recorder(streams("job", "job-2"), events("t1", (1, "mine")), events("t1"))
    reader = LogReader(session, Log("group", "job"))
    assert reader.read() == [Line("mine", "job", 1)]
