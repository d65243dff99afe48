import json
from datetime import datetime, timedelta, timezone

import pytest
from rich.console import Console

from ironworks.cli.failures import Misuse
from ironworks.cli.kinds import ENDPOINT, TRAINING
from ironworks.cli.log_source import Source
from ironworks.cli.logs import _moment
from ironworks.cli.watching import print_line
from ironworks.sdk.following import Line
from tests.cli.platform import Platform


def test_lines_of_a_job_are_printed_in_order(platform: Platform, trained: str) -> None:
    ran = platform("logs", trained)
    assert ran.code == 0
    assert ran.out == "step 0 loss=1.00\nstep 1 loss=0.50\nstep 2 loss=0.33\n"


def test_the_last_lines_alone(platform: Platform, trained: str) -> None:
    assert platform("logs", trained, "--tail", "1").out == "step 2 loss=0.33\n"
    assert platform("logs", trained, "--tail", "0").out == ""


def test_lines_since_a_time(platform: Platform, trained: str) -> None:
    assert platform("logs", trained, "--since", "1h").out.startswith("step 0")
    later = (datetime.now(timezone.utc) + timedelta(minutes=1)).isoformat()
    assert platform("logs", trained, "--since", later).out == ""


def test_json_is_one_object_a_line(platform: Platform, trained: str) -> None:
    first = json.loads(platform("logs", trained, "--json").out.splitlines()[0])
    assert first["message"] == "step 0 loss=1.00" and first["logStreamName"].startswith(f"{trained}/algo-1-")
    assert first["timestamp"].endswith("Z")


def test_following_a_job_that_failed_ends_with_its_failure(platform: Platform, failed: str) -> None:
    ran = platform("logs", failed, "-f")
    assert ran.code == 1
    assert f"The training job {failed} is Failed: AlgorithmError" in ran.err


def test_an_endpoint_prints_behind_the_names_of_its_instances(platform: Platform, endpoint: str) -> None:
    lines = platform("logs", endpoint).out.splitlines()
    assert len({line.split()[0] for line in lines}) == 2
    assert all(line.startswith("AllTraffic/i-") for line in lines)


def test_the_log_of_what_was_deleted_is_left(platform: Platform, script: str) -> None:
    platform("train", script, "--framework", "python", "--name", "deleted-soon", "-p", "steps=1")
    assert platform("rm", "deleted-soon", "--yes").code == 0
    assert platform("job", "deleted-soon").code == 4
    ran = platform("logs", "deleted-soon", "-f")
    assert (ran.code, ran.out) == (0, "step 0 loss=1.00\n")


def test_a_name_that_nothing_has_is_not_found(platform: Platform) -> None:
    ran = platform("logs", "nobody")
    assert ran.code == 4 and "training job, compilation job or endpoint nobody" in ran.err


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("10min", 600), ("10m", 600), ("2h", 7200), ("1 d", 86400)]
)
def test_a_span_is_that_long_ago(text: str, seconds: int) -> None:
    assert abs((datetime.now(timezone.utc) - _moment(text)).total_seconds() - seconds) < 5


def test_a_time_with_a_zone_is_of_that_zone() -> None:
    assert _moment("2026-11-24T18:00:00Z") == datetime(2026, 11, 24, 18, tzinfo=timezone.utc)


def test_a_time_without_a_zone_is_local() -> None:
    assert _moment("2026-11-24T18:00") == datetime(2026, 11, 24, 18).astimezone()


def test_what_is_no_time_says_how_to_write_one(platform: Platform, trained: str) -> None:
    ran = platform("logs", trained, "--since", "yesterday")
    assert ran.code == 2 and "--since yesterday is no time" in ran.err
    with pytest.raises(Misuse, match="10min"):
        _moment("10 weeks")


def test_hosts_are_told_apart_where_there_are_several() -> None:
    line = Line("text", "job/algo-2-1764000000", 0.0)
    several, one = ({"ResourceConfig": {"InstanceCount": count}} for count in (2, 1))
    assert Source(TRAINING, "job", several).label(line) == "algo-2"
    assert Source(TRAINING, "job", one).label(line) == ""
    assert Source(ENDPOINT, "e", {}).label(Line("text", "AllTraffic/i-1", 0.0)) == "AllTraffic/i-1"


def test_colours_are_kept_on_a_terminal_and_dropped_elsewhere() -> None:
    line = Line("\x1b[31mred\x1b[0m \x1b]0;title\x07", "job/algo-1-1", 0.0)
    on, off = Console(force_terminal=True, color_system="standard"), Console(force_terminal=False)
    with on.capture() as coloured, off.capture() as bare:
        print_line(on, line)
        print_line(off, line)
    assert "\x1b[31mred" in coloured.get() and "\x1b]" not in coloured.get() and "\x07" not in coloured.get()
    assert bare.get().startswith("red") and "\x1b" not in bare.get()
