import json
import sys
from pathlib import Path

import numpy as np
import pytest

from ironworks.bench.picture import check, draw
from ironworks.bench.report import Report, time
from ironworks.bench.summary import Sample, summarise
from ironworks.bench.trials import Plan
from ironworks.errors import ClientError


def sample(microseconds: float, errors: dict[str, int] | None = None) -> Sample:
    return Sample(np.full(4, int(microseconds * 1000)), 0.5, errors or {})


def report(**sides: list[float]) -> Report:
    return Report(
        date="2026-11-24T18:00:00+00:00",
        plan=Plan(2, 4, 1),
        settings={"payload": "6,400 bytes", "through": "server"},
        versions={"Ironworks": "0.1.0"},
        floor=summarise([sample(8)]),
        samples={name: [sample(mean) for mean in means] for name, means in sides.items()},
    )


def test_the_title_gives_the_ratio_to_the_fastest_of_the_others() -> None:
    found = report(ours=[100, 100], flask=[900, 1100], gunicorn=[700, 700])
    assert found.ratio == ("gunicorn", 7.0)
    assert found.title == "ours answers 7.00 × faster than gunicorn"


def test_the_title_is_honest_when_the_endpoint_is_slower() -> None:
    assert report(ours=[300], other=[200]).title == "ours answers 1.50 × slower than other"


def test_an_endpoint_alone_has_no_ratio() -> None:
    found = report(ours=[100, 200])
    assert found.ratio is None and found.title == "ours: 150 µs a request"
    assert json.loads(found.to_json())["ratio"] is None


def test_the_json_has_all_that_was_measured_and_how() -> None:
    document = json.loads(report(ours=[100, 200], other=[300, 300]).to_json())
    ours, other = document["sides"]
    assert (document["format"], document["version"]) == ("ironworks-bench", 1)
    assert document["ratio"] == {"to": "other", "times": 2.0}
    assert ours["trial_means"] == [100.0, 200.0] and ours["mean"] == 150.0 and other["p99"] == 300.0
    assert ours["requests_per_second"] == 8.0 and ours["errors"] == {} and ours["answered"] == 8
    assert document["settings"]["trials"] == 2 and document["settings"]["payload"] == "6,400 bytes"
    assert document["generator_floor"]["p50"] == 8.0
    assert document["versions"] == {"Ironworks": "0.1.0"} and document["machine"]


def test_a_trial_without_answers_is_null_in_json_and_a_gap_in_the_picture(tmp_path: Path) -> None:
    found = report(ours=[100, 100], other=[200, 200])
    nothing = Sample(np.array([], np.int64), 0.5, {"broken connection": 4})
    found = Report(**{**vars(found), "samples": {**found.samples, "ours": [sample(100), nothing]}})
    assert json.loads(found.to_json())["sides"][0]["trial_means"] == [100.0, None]
    assert all(path.exists() for path in draw(found, tmp_path / "x.svg"))


def test_failures_are_counted_and_the_first_is_quoted() -> None:
    found = report(ours=[100, 100])
    failing = Sample(np.full(2, 1000), 0.5, {"status 500": 2}, "Out of memory.")
    found = Report(**{**vars(found), "samples": {"ours": [sample(100), failing, failing]}})
    assert found.complaints == {"ours": "Out of memory."}
    (side,) = json.loads(found.to_json())["sides"]
    assert side["errors"] == {"status 500": 4} and side["first_failure"] == "Out of memory."


def test_times_have_three_digits_and_a_unit() -> None:
    assert [time(value) for value in (8.123, 123.4, 1234, 99_999, 1_234_567)] == [
        "8.12 µs",
        "123 µs",
        "1.23 ms",
        "100 ms",
        "1.23 s",
    ]


def test_a_picture_is_drawn_on_a_light_and_a_dark_ground(tmp_path: Path) -> None:
    found = report(ours=[100, 110], flask=[900, 1100])
    paths = draw(found, tmp_path / "latency.png") + draw(found, tmp_path / "latency.svg")
    assert [path.name for path in paths] == [
        "latency.png",
        "latency-dark.png",
        "latency.svg",
        "latency-dark.svg",
    ]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths[:2])
    light, dark = (path.read_text() for path in paths[2:])
    assert "<svg" in light and "#fcfcfa" in light and "#0d1117" in dark


@pytest.mark.parametrize(
    ("name", "message"), [("x.gif", r"must end in \.png or \.svg"), ("no/x.png", "there is no folder no")]
)
def test_a_picture_that_cannot_be_drawn_is_refused_at_once(
    name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ClientError, match=message):
        check([Path(name)])


def test_without_matplotlib_a_picture_is_refused_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    check([])
    with pytest.raises(ClientError, match=r"pip install 'ironworks\[bench\]'"):
        check([tmp_path / "x.png"])
