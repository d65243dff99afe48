"""The log store: order, windows, what is missing."""

from __future__ import annotations

import pytest

from ironworks.control.logs import Logs, NoSuchGroup, NoSuchStream, Window, is_cut
from ironworks.database import Database

REGION, GROUP = "us-west-2", "/aws/sagemaker/TrainingJobs"
EVERYTHING = Window()


@pytest.fixture
def logs(database: Database) -> Logs:
    return Logs(database)


def messages(logs: Logs, window: Window = EVERYTHING, limit: int = 100, *, newest: bool = False) -> list[str]:
    stream = logs.stream(REGION, GROUP, "job/algo-1")
    return [event.message for event in logs.events([stream.id], window, limit, newest=newest)]


def test_lines_with_one_time_keep_the_order_in_which_they_came(logs: Logs) -> None:
    logs.append(REGION, GROUP, "job/algo-1", [(5, "a"), (5, "b")])
    logs.append(REGION, GROUP, "job/algo-1", [(5, "c"), (4, "early")])
    assert messages(logs) == ["early", "a", "b", "c"]


def test_window_includes_its_start_and_not_its_end(logs: Logs) -> None:
    logs.append(REGION, GROUP, "job/algo-1", [(n, str(n)) for n in range(5)])
    assert messages(logs, Window(start=1, end=4)) == ["1", "2", "3"]


def test_newest_events_come_in_ascending_order(logs: Logs) -> None:
    logs.append(REGION, GROUP, "job/algo-1", [(n, str(n)) for n in range(5)])
    assert messages(logs, limit=2, newest=True) == ["3", "4"]


def test_stream_remembers_its_first_and_last_event(logs: Logs) -> None:
    logs.append(REGION, GROUP, "job/algo-1", [(3, "a")])
    logs.append(REGION, GROUP, "job/algo-1", [(9, "b")])
    stream = logs.stream(REGION, GROUP, "job/algo-1")
    assert (stream.first_event, stream.last_event) == (3, 9)


def test_missing_group_and_missing_stream_are_told_apart(logs: Logs) -> None:
    with pytest.raises(NoSuchGroup):
        logs.streams(REGION, GROUP)
    logs.append(REGION, GROUP, "job/algo-1", [])
    assert logs.streams(REGION, GROUP, "other/") == []
    with pytest.raises(NoSuchStream):
        logs.stream(REGION, GROUP, "job/algo")
    with pytest.raises(NoSuchGroup):
        logs.streams("eu-west-1", GROUP)


def test_groups_by_prefix(logs: Logs) -> None:
    for group in ("/aws/sagemaker/Endpoints/b", "/aws/sagemaker/Endpoints/a", "/other"):
        logs.append(REGION, group, "s", [])
    found = [name for name, _ in logs.groups(REGION, "/aws/sagemaker/Endpoints")]
    assert found == ["/aws/sagemaker/Endpoints/a", "/aws/sagemaker/Endpoints/b"]


def test_prefix_of_streams_is_taken_by_the_letter(logs: Logs) -> None:
    for name in ("job/1", "Job/2", "j_b/3"):
        logs.append(REGION, GROUP, name, [])
    assert [stream.name for stream in logs.streams(REGION, GROUP, "Job/")] == ["Job/2"]
    assert [stream.name for stream in logs.streams(REGION, GROUP, "j_b")] == ["j_b/3"]


@pytest.mark.parametrize("newest", [False, True])
def test_page_of_long_lines_is_cut(logs: Logs, newest: bool) -> None:
    logs.append(REGION, GROUP, "job/algo-1", [(n, str(n) * 200_000) for n in range(9)])
    stream = logs.stream(REGION, GROUP, "job/algo-1")
    events = logs.events([stream.id], EVERYTHING, 9, newest=newest)
    assert [event.timestamp for event in events] == (list(range(3, 9)) if newest else list(range(6)))
    assert is_cut(events, 9) and not is_cut(events[:2], 9)
