import io
from datetime import datetime, timedelta, timezone

import pytest
from rich.console import Console

from ironworks.cli.screen import age, as_json_line, between, duration, facts, plain, state, table
from ironworks.cli.watching import phase_line, summary
from ironworks.sdk.following import Phase

NAME = "mxnet-training-2026-11-24-18-00-00-123-and-as-long-as-names-may-be"


def rendered(renderable: object, width: int) -> list[str]:
    console = Console(width=width, highlight=False)
    with console.capture() as captured:
        console.print(renderable)
    return [line.rstrip() for line in captured.get().splitlines()]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_only_the_name_is_folded_where_the_terminal_is_narrow(width: int) -> None:
    row = [NAME, "training", state("Completed"), "3 min ago", "1 min 2 s"]
    lines = rendered(table(["name", "kind", "status", "created", "took"], [row]), width)
    assert max(map(len, lines)) <= width
    assert lines[1].endswith("training  Completed  3 min ago  1 min 2 s")
    folded = "".join(line.split()[0] for line in lines[1:])
    assert folded == NAME


def test_facts_leave_out_what_is_empty_and_give_a_list_a_line_an_item() -> None:
    lines = rendered(facts({"name": "x", "reason": plain(""), "model": None, "channels": ["a", "b"]}), 80)
    assert [line.split() for line in lines] == [["name", "x"], ["channels", "a"], ["b"]]


def test_text_of_others_steers_no_terminal_and_is_no_markup() -> None:
    assert rendered(plain("[red]a\x1b[31m\x07"), 80) == ["[red]a�[31m�"]
    assert rendered(plain("two\nlines"), 80) == ["two", "lines"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.9, "59 s"), (3600, "1 h"), (3725, "1 h 2 min"), (90000, "1 d 1 h")]
)
def test_durations_have_two_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "5 s ago"), (65, "1 min ago"), (7300, "2 h ago"), (200_000, "2 d ago")]
)
def test_ages_have_one_unit(seconds: float, text: str) -> None:
    assert age(datetime.now(timezone.utc) - timedelta(seconds=seconds)) == text


def test_how_long_something_took() -> None:
    begin = datetime(2026, 11, 24, tzinfo=timezone.utc)
    assert between(begin, begin + timedelta(seconds=1.26)) == "1.3 s"
    assert between(begin, begin + timedelta(seconds=75)) == "1 min 15 s"
    assert between(None, begin) == ""
    assert between(datetime.now(timezone.utc), None) == "0.0 s"


def test_times_in_json_are_utc() -> None:
    time = datetime(2026, 11, 24, 19, tzinfo=timezone(timedelta(hours=1)))
    assert as_json_line({"at": time}) == '{"at": "2026-11-24T18:00:00Z"}'
    with pytest.raises(TypeError):
        as_json_line({"at": object()})


def test_a_phase_has_one_line_however_long_it_is_called() -> None:
    shown = io.StringIO()
    console = Console(width=40, force_terminal=True, color_system=None, file=shown)
    with phase_line(console) as begin:
        begin("a phase of " + "very " * 20 + "long name [bold]")
        begin("short")
        frames = shown.getvalue()
    assert "…" in frames and "short 0:00:00" in frames and "\n" not in frames


def test_no_phases_are_shown_where_nobody_looks() -> None:
    console = Console(force_terminal=False)
    with console.capture() as captured, phase_line(console) as begin:
        begin("phase")
    assert captured.get() == ""


def test_the_summary_has_every_phase() -> None:
    phases = [Phase("Starting", 10.0), Phase("Training", 10.5), Phase("Completed", 12.0, final=True)]
    assert summary("Job x", phases) == "Job x: Completed after 2.0 s (Starting 0.5 s, Training 1.5 s)"
    assert summary("Job x", phases[-1:]) == "Job x: Completed after 0.0 s"
