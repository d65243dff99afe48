"""What the times of many requests come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

PERCENTILES = (50.0, 90.0, 99.0, 99.9)


@dataclass(frozen=True)
class Sample:
    """The requests of one trial.

    Attributes:
        times: nanoseconds of each request that was answered with 200 and a body.
        seconds: from the first request to the last answer.
        errors: how often each kind of failure was seen.
        example: what one failure said, empty if there was none.
    """

    times: npt.NDArray[np.int64]
    seconds: float
    errors: Mapping[str, int] = field(default_factory=dict)
    example: str = ""

    @property
    def mean(self) -> float:
        """Microseconds; NaN if no request was answered."""
        return float(self.times.mean()) / 1e3 if len(self.times) else float("nan")


@dataclass(frozen=True)
class Summary:
    """Microseconds, requests a second, and how often each kind of failure was seen."""

    mean: float
    percentiles: Mapping[float, float]
    throughput: float
    answered: int
    errors: Mapping[str, int]

    @property
    def failed(self) -> int:
        """Requests without a good answer."""
        return sum(self.errors.values())

    @property
    def p50(self) -> float:
        """The median, in microseconds."""
        return self.percentiles[50.0]


def summarise(samples: Sequence[Sample]) -> Summary:
    """All trials as one: percentiles are of all their requests, the throughput is over the time that they took."""
    times = np.concatenate([sample.times for sample in samples]) / 1e3
    seconds = sum(sample.seconds for sample in samples)
    errors: Counter[str] = Counter()
    for sample in samples:
        errors.update(sample.errors)
    answered = len(times)
    values = np.percentile(times, PERCENTILES) if answered else np.full(len(PERCENTILES), np.nan)
    return Summary(
        mean=float(times.mean()) if answered else float("nan"),
        percentiles=dict(zip(PERCENTILES, map(float, values), strict=True)),
        throughput=answered / seconds if seconds else 0.0,
        answered=answered,
        errors=dict(errors),
    )
