"""Which candidate is taken: by name, or by auto only where nothing is lost."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter, sleep

import pytest

from ironworks.compiler.backends import Candidate
from ironworks.compiler.precision import choice as module
from ironworks.compiler.precision.choice import choose, tolerate
from ironworks.compiler.precision.request import Request
from ironworks.compiler.trials import Trial
from ironworks.compiler.validation.accuracy import Grade
from ironworks.compiler.verify import Comparison
from ironworks.errors import ClientError, PlatformError
from ironworks.runtime import Manifest

MANIFEST = Manifest("t", "x86_64", "native", "m", (), ())
AUTO = Request("auto", ("bf16", "int8", "int8-weights"))
INT8 = Request("int8", ("int8", "int8-weights"))


class Busy:
    """A model that a call takes some microseconds of."""

    def __init__(self, microseconds):
        self._seconds = microseconds / 1e6

    def run(self, inputs):
        end = perf_counter() + self._seconds
        while perf_counter() < end:
            sleep(0)


def trial(engine, precision="f32", us=100.0, accuracy=0.9, really=None, error=1e-6, **changes):
    options = {} if precision == "f32" else {"precision": precision}
    return Trial(
        Candidate(engine, options, Path(), "m", (), {}),
        MANIFEST,
        model=Busy(really or us or 1),
        comparisons=[Comparison("sample", "y", error, error, 0.1, 1, 1)],
        microseconds=us,
        grade=None if accuracy is None else Grade(100, 0.9, accuracy, 0, error),
        **changes,
    )


def chosen(trials, request=AUTO, skipped=None):
    return choose(trials, request, {}, skipped or {})


def test_auto_takes_what_is_faster_and_as_accurate_and_says_by_how_much():
    taken = chosen([trial("native", us=400), trial("onnxruntime", "int8", 100, 0.9)])
    assert taken.best.candidate.label == "onnxruntime int8"
    assert "takes 100.0 µs a call, where native takes 400.0" in taken.reason
    assert "not lower: 0.9000 before, 0.9000 after" in taken.reason


def test_auto_takes_nothing_that_is_less_accurate_however_fast():
    taken = chosen([trial("native", us=400), trial("openvino", "int8", 10, 0.8999)])
    assert taken.best.candidate.label == "native"
    assert taken.trials[1].note.startswith(
        "not taken: its accuracy is lower, 0.8999, where the original's is 0.9"
    )
    assert taken.reason == "float32, because no reduced candidate is 5% faster than native and as accurate."


def test_auto_goes_on_to_the_next_when_the_fastest_has_lost_accuracy():
    taken = chosen(
        [trial("native", us=400), trial("openvino", "int8", 50, 0.5), trial("onnxruntime", "bf16", 100, 0.91)]
    )
    assert taken.best.candidate.label == "onnxruntime bf16"
    assert "accuracy is lower" in taken.trials[1].note


@pytest.mark.parametrize(("us", "really"), [(96, None), (150, None), (50, 200)])
def test_auto_asks_for_a_margin_and_measures_it_twice(us, really, monkeypatch):
    calls = []
    measure = module.interleaved_medians
    monkeypatch.setattr(module, "interleaved_medians", lambda them: calls.append(them) or measure(them))
    taken = chosen([trial("native", us=100), trial("openvino", "int8", us, 0.95, really)])
    assert taken.best.candidate.label == "native"
    note = taken.trials[1].note
    assert note.startswith("not taken: it takes") and note.endswith(", and 5% less is asked for")
    assert bool(calls) == ("measured again" in note) == (us == 50)


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"note": "outside the tolerance"}, "outside the tolerance"),
        ({"accuracy": None}, "not taken: it could not be measured"),
        ({"us": None}, "not taken: it could not be measured"),
        ({"dropped": "it failed"}, ""),
    ],
)
def test_auto_takes_nothing_that_something_speaks_against(changes, note):
    taken = chosen([trial("native", us=400), trial("openvino", "int8", **{"us": 10, **changes})])
    assert taken.best.candidate.label == "native"
    assert taken.trials[1].note == note


def test_a_float32_candidate_that_loses_accuracy_by_rounding_is_taken_and_that_is_said():
    reason = chosen([trial("native", accuracy=0.89)], Request("f32")).reason
    assert reason == "the accuracy on the validation data falls: 0.9000 before, 0.8900 after."
    assert chosen([trial("native")], Request("f32")).reason == ""


def test_without_a_request_the_fastest_equal_candidate_wins():
    request = Request("auto", reason="float32, because there is no validation data")
    taken = chosen([trial("native", us=400), trial("onnxruntime", us=300)], request)
    assert (taken.best.candidate.label, taken.reason) == ("onnxruntime", request.reason)
    with pytest.raises(PlatformError, match="No build of the model is equal"):
        chosen([trial("native", dropped="off")], Request("f32"))


def test_a_precision_that_is_asked_for_is_taken_though_it_is_slower_and_less_accurate_and_that_is_said():
    trials = [
        trial("native", us=5),
        trial("openvino", "int8", 20, 0.5),
        trial("onnxruntime", "int8-weights", 10, 0.8),
    ]
    taken = chosen(trials, INT8)
    assert taken.best.candidate.label == "onnxruntime int8-weights"
    assert taken.reason == (
        "int8-weights, because int8 was asked for; it takes 10.0 µs a call, and in float32 native 5.0; the accuracy on "
        "the validation data falls: 0.9000 before, 0.8000 after."
    )
    assert "does not fall: 0.9000 before, 0.9000 after" in chosen([trial("x", "int8")], INT8).reason
    assert "accuracy" not in chosen([trial("x", "int8", accuracy=None)], INT8).reason


def test_a_log_has_the_reason_and_the_accuracy():
    assert chosen([trial("x", "int8", 10, 0.8)], INT8).lines == [
        "Precision: int8, because int8 was asked for; the accuracy on the validation data falls: 0.9000 before, 0.8000 "
        "after.",
        "Accuracy on 100 examples: 0.9000 before, 0.8000 after; 0 answers changed",
    ]
    assert chosen([trial("native", accuracy=None)], Request("f32")).lines == []


def test_one_within_its_tolerance_comes_before_a_faster_one_that_is_not():
    note = "outside the tolerance of its precision: it is off"
    fast, slow = trial("openvino", "int8", 10, note=note), trial("onnxruntime", "int8", 50)
    assert chosen([fast, slow], INT8).best is slow
    worse = trial("onnxruntime", "int8", 5, error=0.5, note=note)
    best = chosen([worse, fast], INT8)
    assert best.best is fast
    assert f"it is {note}" in best.reason


def test_when_nothing_can_be_built_in_the_precision_every_reason_is_named():
    with pytest.raises(
        ClientError,
        match=r"No candidate of the precision int8 can be used\. openvino int8: no OpenVINO; "
        r"onnxruntime int8: it failed\. Ask for f32",
    ):
        chosen(
            [trial("native"), trial("onnxruntime", "int8", dropped="it failed")],
            INT8,
            skipped={"openvino int8": "no OpenVINO", "ncnn": "too small"},
        )


def test_a_reduced_candidate_outside_its_tolerance_is_kept_with_a_note():
    off = trial("x", "int8", error=0.5, dropped="its output y is off by 0.5")
    kept = tolerate(off)
    assert (kept.dropped, kept.note) == (
        "",
        "outside the tolerance of its precision: its output y is off by 0.5",
    )
    assert tolerate(trial("x", "int8")).note == ""


def test_one_that_answers_no_numbers_or_fails_stays_dropped():
    for out in (
        trial("x", "int8", error=float("inf"), dropped="off"),
        Trial(kept_out(), MANIFEST, dropped="failed"),
    ):
        assert tolerate(out) is out


def kept_out():
    return Candidate("x", {"precision": "int8"}, Path(), "m", (), {})
