"""Trials of several sides in turn: A B A B …, so that what else the machine does befalls all of them alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ironworks.bench.connection import Destination
from ironworks.bench.load import closed_loop, open_loop
from ironworks.bench.summary import Sample
from ironworks.errors import ClientError

Say = Callable[[str], None]
"""Takes a line about what is being done."""


@dataclass(frozen=True)
class Plan:
    """What is sent to each side.

    Attributes:
        requests: of each trial.
        clients: connections.
        rate: requests a second of an open loop; None for a closed one.
        poisson: whether the pauses of an open loop are drawn, not equal.
    """

    trials: int
    requests: int
    clients: int
    rate: float | None = None
    poisson: bool = False

    @property
    def warm_up(self) -> int:
        """Requests that are sent first and not counted."""
        return max(20, self.requests // 10)


@dataclass(frozen=True)
class Side:
    """One of those that are compared.

    Attributes:
        destination: makes where requests go, anew for each trial, because a signature is valid for minutes only.
        versions: of what serves it.
    """

    name: str
    destination: Callable[[], Destination]
    versions: Mapping[str, str] = field(default_factory=dict)


def measure(
    sides: Sequence[Side], plan: Plan, say: Say, count: Callable[[int, int], None]
) -> Mapping[str, Sequence[Sample]]:
    """Each side's trials, in the order in which they were run.

    Args:
        say: takes what is being done.
        count: takes how many requests have been sent, and of how many.

    Raises:
        ClientError: a side does not answer, or answers its first request with an error.
    """
    sent, total = 0, len(sides) * (plan.warm_up + plan.trials * plan.requests)
    for side in sides:
        say(f"Warming up {side.name}")
        count(sent, total)
        _warm_up(side, plan)
        sent += plan.warm_up
    samples: dict[str, list[Sample]] = {side.name: [] for side in sides}
    for trial in range(plan.trials):
        for side in sides:
            say(f"Trial {trial + 1} of {plan.trials}: {side.name}")
            count(sent, total)
            samples[side.name].append(_run(side, plan, trial))
            sent += plan.requests
    return samples


def _warm_up(side: Side, plan: Plan) -> None:
    first = closed_loop(side.destination(), 1, 1)
    for kind in first.errors:
        text = f" {first.example}" if first.example else ""
        raise ClientError(f"The first request to {side.name} failed ({kind}).{text}")
    closed_loop(side.destination(), plan.clients, plan.warm_up)


def _run(side: Side, plan: Plan, trial: int) -> Sample:
    destination = side.destination()
    if plan.rate is None:
        return closed_loop(destination, plan.clients, plan.requests)
    return open_loop(destination, plan.clients, plan.requests, plan.rate, plan.poisson, seed=trial)
