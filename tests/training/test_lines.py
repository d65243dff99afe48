"""A stream of bytes becomes lines, whatever pieces it comes in."""

from __future__ import annotations

from itertools import pairwise

import regex
from hypothesis import given
from hypothesis import strategies as st

from ironworks.training.lines import LONGEST, JobLog, Line, LineSplitter
from ironworks.training.spec import MetricDefinition


def split(*pieces: bytes) -> list[str]:
    splitter = LineSplitter()
    return [line for piece in pieces for line in splitter.feed(piece)] + splitter.finish()


@given(st.text(st.characters(exclude_characters="\r", codec="utf-8")), st.lists(st.integers(0, 200)))
def test_pieces_do_not_matter(text: str, cuts: list[int]) -> None:
    data = text.encode()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[a:b] for a, b in pairwise(edges)]
    assert split(*pieces) == [line for line in text.split("\n") if line]


def test_bytes_that_are_not_utf_8_are_replaced() -> None:
    assert split(b"a\xffb\n") == ["a\ufffdb"]


def test_of_a_rewritten_line_the_newest_text_counts() -> None:
    assert split(b"10%\r50%\r100%\ndone\r\n") == ["100%", "done"]


def test_a_progress_bar_shows_each_state_once() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"10%\r20%\r30") == []
    assert splitter.progress() == "20%"
    assert splitter.progress() is None
    assert splitter.feed(b"%\n") == ["30%"]


@given(st.integers(0, 3))
def test_a_long_line_is_split_between_characters(offset: int) -> None:
    text = "a" * offset + "€" * LONGEST
    for lines in (split(text.encode() + b"\n"), split(text.encode())):
        assert "".join(lines) == text
        assert all(len(line.encode()) <= LONGEST for line in lines)


def test_a_line_without_an_end_is_not_kept_in_memory() -> None:
    splitter = LineSplitter()
    assert sum(len(line) for line in splitter.feed(b"a" * (3 * LONGEST + 1))) == 3 * LONGEST


def test_metrics_are_read_from_the_first_group() -> None:
    batches: list[Line] = []
    seen: list[tuple[str, float]] = []
    definition = MetricDefinition("loss", regex.compile("loss: ([0-9.e-]*)"))
    log = JobLog([definition], batches.extend, lambda name, value, at: seen.append((name, value)))
    log.extend(["loss: 1e-3", "loss: ", "other", "x loss: 2."])
    assert seen == [("loss", 0.001), ("loss", 2.0)]
    assert batches == []
    log.flush()
    assert [text for _, text in batches] == ["loss: 1e-3", "loss: ", "other", "x loss: 2."]
    assert log.metrics == {"loss": 2.0}


def test_what_is_not_finite_is_no_metric() -> None:
    definition = MetricDefinition("loss", regex.compile("loss=(.+)"))
    log = JobLog([definition], lambda lines: None, lambda name, value, at: None)
    log.extend(["loss=1.5", "loss=nan", "loss=-inf"])
    assert log.metrics == {"loss": 1.5}


def test_a_line_that_is_rewritten_without_end_is_not_kept_in_memory() -> None:
    splitter = LineSplitter()
    for number in range(1000):
        assert splitter.feed(b"%d%%\r" % number * 100) == []
    assert len(splitter._rest) < 10
    assert splitter.finish() == ["999%"]


def test_a_flood_is_handed_on_in_pieces() -> None:
    sizes: list[int] = []
    log = JobLog([], lambda lines: sizes.append(len(lines)), lambda name, value, at: None)
    for _ in range(10):
        log.extend(["x"] * 1000)
    assert sizes == [5000, 5000]


def test_an_expression_that_backtracks_without_end_is_given_up() -> None:
    lines: list[Line] = []
    values: list[tuple[str, float]] = []
    definitions = [
        MetricDefinition("hopeless", regex.compile(r"(a|aa)+$")),
        MetricDefinition("loss", regex.compile(r"loss=([0-9.]+)")),
    ]
    log = JobLog(definitions, lines.extend, lambda name, value, at: values.append((name, value)))
    log.extend(["a" * 200 + "!", "loss=0.5"])
    log.flush()
    assert values == [("loss", 0.5)]
    assert any("metric hopeless is looked for no more" in text for _, text in lines)
