"""The compiler's benchmark on one small model, with our artifact and ONNX Runtime alone."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from benchmarks.compiler import agreement, figures
from benchmarks.compiler.__main__ import write
from benchmarks.compiler.cases import Case, minutes_left, plan
from benchmarks.compiler.figures import Line, OtherSession, Session
from benchmarks.compiler.machine import Machine, Work, work
from benchmarks.compiler.page import page
from benchmarks.compiler.preparation import prepare
from benchmarks.compiler.race import Pace, Result, Runner, race
from benchmarks.compiler.rivals import NETWORKS, OURS, OURS_BOUND
from benchmarks.compiler.summary import bars, describe, summary
from benchmarks.compiler.zoo import Net

QUICK = Pace(rounds=2, seconds=0.002, case_seconds=1.0, start_seconds=60.0)
MACHINE = Machine(1e11, {"L1": 32768, "L2": 1 << 20}, {"L1": 2e11, "L2": 1e11, "RAM": 1e10})
SESSION = Session("2026-11-24", "a processor, 2 cores", MACHINE, {"Ironworks": "0.1.0"}, ["MNN"], QUICK)
OUR_LIBRARIES = (OURS, OURS_BOUND, "ONNX Runtime", "ONNX Runtime, bound")
CASE = Case("MLP", 1, 1)


@pytest.fixture(scope="module")
def raced(tmp_path_factory):
    """The notebook's network, compiled and run against ONNX Runtime, and against one that is not there."""

    folder = tmp_path_factory.mktemp("mlp")
    model = prepare(CASE, Path(sys.executable), folder)
    libraries = {name: NETWORKS[name] for name in OUR_LIBRARIES}
    places = libraries | {"absent": "networks:absent"}
    runners = [Runner(name, place, Path(sys.executable), folder) for name, place in places.items()]
    results = race(runners, 1, QUICK)
    limit = MACHINE.limit(model.work, 1)
    return Line(CASE, model.compile_seconds, model.chosen, limit, results)


def line(case=CASE, ours=10e-6, limit=5e-6, compiled=1.0, **rivals):
    """What `race` might have measured; a rival is its seconds or its result."""
    results = {
        name.replace("_", " "): value if isinstance(value, Result) else Result(value, 1e-7)
        for name, value in rivals.items()
    }
    return Line(case, compiled, "native", limit, {OURS: Result(ours, 0.0), **results})


def fake(folder, text):
    """A program in place of a library's interpreter."""
    path = folder / "python"
    path.write_text(text)
    path.chmod(0o755)
    return path


def alone(python, folder, pace=QUICK):
    """The result of a library that runs in `python`."""
    ours = Runner(OURS, "networks:absent", python.parent / "none", folder)
    ours = replace(ours, python=fake(python.parent / "ours", PROGRAM.format(value=1.0)))
    return race([ours, Runner("other", "networks:other", python, folder)], 1, pace)["other"]


PROGRAM = f"""#!{sys.executable}
import sys
import numpy
numpy.savez(sys.argv[5] + "/answers.npz", numpy.full((1, 3), {{value}}))
print("ready", flush=True)
for line in sys.stdin:
    print(0.001, flush=True)
"""


def test_the_artifact_and_onnx_runtime_answer_the_same_and_are_timed(raced):
    assert raced.chosen
    for name in OUR_LIBRARIES:
        result = raced.results[name]
        assert result.counts, result.reason
        assert 1e-7 < result.seconds < 1
        assert result.difference <= 1e-5
    assert raced.best_rival[0].startswith("ONNX Runtime")
    assert raced.ratio == raced.best_rival[1] / raced.ours


def test_a_library_that_cannot_run_the_model_says_why(raced):
    result = raced.results["absent"]
    assert result.seconds is None
    assert "has no attribute 'absent'" in result.reason
    assert "absent – (AttributeError" in describe(raced)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("#!/bin/sh\nsleep 60\n", "no answer within 1 s"),
        ("#!/bin/sh\nexit 3\n", "its process ended with 3"),
        ("#!/bin/sh\necho ready\nread line\nexit 4\n", "its process ended with 4"),
        ("#!/bin/sh\necho none it does not like the model\n", "it does not like the model"),
    ],
)
def test_a_library_that_hangs_or_ends_is_out(text, reason, tmp_path):
    (tmp_path / "ours").mkdir()
    result = alone(fake(tmp_path, text), tmp_path, replace(QUICK, start_seconds=1.0))
    assert (result.seconds, result.reason, result.counts) == (None, reason, False)


@pytest.mark.parametrize(("value", "counts"), [(1.00001, True), (1.01, False)])
def test_another_answer_does_not_count(value, counts, tmp_path):
    (tmp_path / "ours").mkdir()
    result = alone(fake(tmp_path, PROGRAM.format(value=value)), tmp_path)
    assert result.seconds == 0.001
    assert result.counts == counts
    assert ("its answer differs by 1.0e-02" in result.reason) == (not counts)


def test_where_a_case_takes_long_those_far_behind_run_once(tmp_path):
    """Each round of the fakes takes 0.01 s longer than the one before, so a median says how many there were."""
    (tmp_path / "ours").mkdir()
    counting = PROGRAM.replace("for line in sys.stdin:", "for count, line in enumerate(sys.stdin, 1):")
    names = {"ours": 1.0, "near": 1.2, "far": 1.6}
    runners = []
    for name, factor in names.items():
        (tmp_path / name).mkdir(exist_ok=True)
        text = counting.format(value=1.0).replace("print(0.001", f"print({factor} + count / 100")
        library = OURS if name == "ours" else name
        runners.append(Runner(library, "networks:fake", fake(tmp_path / name, text), tmp_path))
    results = race(runners, 1, Pace(rounds=15, seconds=0.01, case_seconds=0.0))
    times = {name: result.seconds for name, result in results.items()}
    assert times == pytest.approx({OURS: 1.02, "near": 1.22, "far": 1.61})
    results = race(runners, 1, Pace(rounds=5, seconds=0.01, case_seconds=60.0))
    assert results["far"].seconds == pytest.approx(1.63)


def test_answers_are_compared_by_value_whatever_their_shape():
    ours = [np.array([[2.0, -4.0]], np.float32)]
    assert agreement.difference(ours, [np.array([2.0, -4.4])]) == pytest.approx(0.1)
    assert agreement.difference(ours, [np.array([2.0, -4.0])]) == 0
    assert agreement.difference(ours, [np.array([2.0])]) == float("inf")
    assert agreement.difference(ours, [np.array([2.0, np.nan])]) == float("inf")
    assert agreement.difference(ours, []) == float("inf")


def test_a_rival_that_answers_otherwise_is_no_rival():
    measured = line(quick=Result(1e-6, 0.5, "its answer differs by 5.0e-01"), slow=30e-6)
    assert measured.best_rival == ("slow", 30e-6)
    assert measured.ratio == pytest.approx(3)
    assert "1 ‡" in page(SESSION, [measured])
    assert "* quick: its answer differs by 5.0e-01 (MLP, batch 1, 1 thread)" in page(SESSION, [measured])


def test_of_the_two_ways_to_run_the_artifact_the_faster_counts():
    measured = line(ours=10e-6, ONNX_Runtime=40e-6)
    both = replace(measured, results={**measured.results, OURS_BOUND: Result(8e-6, 0.0)})
    assert (measured.ours, both.ours) == (10e-6, 8e-6)
    assert both.best_rival == ("ONNX Runtime", 40e-6)
    assert both.ratio == pytest.approx(5)
    assert both.ratio_to("ONNX Runtime") == pytest.approx(4)


def test_the_page_has_a_table_for_each_family_and_the_machine():
    trees = line(Case("XGBoost, 100 trees", 1, 1), 1e-6, None, XGBoost=120e-6, ONNX_Runtime=6e-6)
    text = page(SESSION, [line(ONNX_Runtime=40e-6), trees])
    assert "| MLP | 1 | 1 | **10** | 40 | 4.00 × | native | 1.0 | 5 | 50% | 1e-07 |" in text
    assert "| XGBoost, 100 trees | 1 | 1 | **1** | 120 | 6 | 6.00 × | native | 1.0 | – | – | 1e-07 |" in text
    assert "100 GFLOP/s in float32; reads L1 200 GB/s" in text
    assert text.index("## Dense networks") < text.index("## Ensembles of trees")


def test_the_bars_are_judged():
    good = [line(ONNX_Runtime=40e-6), line(Case("XGBoost, 100 trees", 1, 1), 1e-6, None, XGBoost=120e-6)]
    held = {bar.what: bar.holds for bar in bars(good)}
    assert held == {
        "against the best rival, every case": True,
        "against the best rival, geometric mean": True,
        "MLP, batch 1, 1 thread, against ONNX Runtime's run()": True,
        "MLP, batch 1, 1 thread, call against the bandwidth limit": False,
        "ensembles of trees, batch 1, against XGBoost": True,
        "compile time, MLP": True,
    }
    bad = [line(limit=9e-6, compiled=4.0, ONNX_Runtime=9e-6)]
    assert [bar.holds for bar in bars(bad)] == [False, False, False, True, False]
    assert (
        "FAILS  against the best rival, every case: slower in 1 of 1; the least is 0.90 × faster"
        in summary(bad)
    )


def test_a_case_without_a_rival_is_named():
    failed = Line(Case("MLP", 32, 1), 0.0, "", None, {OURS: Result(None, None, "no build is equal")})
    lines = [line(ONNX_Runtime=40e-6), failed]
    assert "Not compared: MLP, batch 32, 1 thread." in summary(lines)
    assert not bars(lines)[0].holds
    assert summary([failed]) == "Nothing was measured."
    assert "* ironworks: no build is equal" in page(SESSION, lines)


def test_figures_are_kept_and_gone_on_with(tmp_path):
    path, lines = tmp_path / "figures.json", [line(other=Result(None, None, "it ended"))]
    figures.write(path, SESSION, lines)
    tomorrow = replace(SESSION, date="2026-11-25", machine=replace(MACHINE, flops=9e10))
    assert figures.resume(path, tomorrow) == (SESSION, lines)
    other = replace(SESSION, versions={"Ironworks": "0.2.0"}, libraries=["ncnn"], pace=Pace())
    with pytest.raises(OtherSession, match="with other versions and libraries and pace. Delete the file"):
        figures.resume(path, other)


def test_the_page_and_its_picture_are_written(tmp_path):
    if find_spec("matplotlib") is None:
        pytest.skip("matplotlib is not installed")

    lines = [line(Case("MLP", batch, 1), ONNX_Runtime=40e-6) for batch in (1, 32)]
    write(SESSION, lines, tmp_path, Path(sys.executable))
    assert page(SESSION, lines) in (tmp_path / "benchmarks.md").read_text()
    assert (tmp_path / "images/compiler.svg").read_text().startswith("<?xml")
    assert (tmp_path / "images/compiler.png").read_bytes().startswith(b"\x89PNG")


def test_of_a_table_only_the_rows_that_are_asked_for_are_read():
    net = Net()
    x = net.add("Gather", [net.weight(1000, 16), "data"])
    model = net.model([2, 5], net.add("MatMul", [x, net.weight(16, 4)]), dtype=7)
    assert work(model) == Work(flops=2 * 10 * 4 * 16, weights=4 * (10 * 16 + 16 * 4))
    assert MACHINE.limit(Work(0, 100), 1) is None
    assert MACHINE.limit(Work(1e9, 1 << 21), 2) == pytest.approx(1e9 / 1e11 / 2)


def test_the_time_that_is_left_counts_larger_cases_more():
    cases = plan(["MLP", "ResNet-50"], [1, 32], [1])
    assert [case.title for case in cases[2:]] == [
        "ResNet-50, batch 1, 1 thread",
        "ResNet-50, batch 32, 1 thread",
    ]
    assert minutes_left(60, cases[:2], cases[2:]) > 5
