import math

import numpy as np

from ironworks.bench.summary import Sample, summarise


def test_trials_are_summed_up_as_one() -> None:
    first = Sample(np.arange(1, 51) * 1000, 2.0, {"status 500": 2})
    second = Sample(np.arange(51, 101) * 1000, 3.0, {"status 500": 1, "empty answer": 4})
    summary = summarise([first, second])
    assert (summary.mean, summary.p50, round(summary.percentiles[90.0], 6)) == (50.5, 50.5, 90.1)
    assert summary.throughput == 20.0 and summary.answered == 100
    assert summary.errors == {"status 500": 3, "empty answer": 4} and summary.failed == 7
    assert first.mean == 25.5


def test_no_answer_at_all_is_not_a_number() -> None:
    nothing = Sample(np.array([], np.int64), 1.0, {"broken connection": 3})
    summary = summarise([nothing])
    assert math.isnan(nothing.mean) and math.isnan(summary.mean) and math.isnan(summary.p50)
    assert summary.throughput == 0.0 and summary.failed == 3
