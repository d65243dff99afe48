"""A comparison as it is shown, drawn and kept."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ironworks.bench.summary import Sample, Summary, summarise
from ironworks.bench.trials import Plan

FORMAT = "ironworks-bench"
VERSION = 1
WAYS = {"server": "through the server", "direct": "at their direct address"}


@dataclass(frozen=True)
class Report:
    """What was measured, how, and where.

    Attributes:
        date: ISO 8601, with the offset from UTC.
        settings: what was sent to whom, in words.
        versions: of what took part.
        floor: of the load generator, against a server that does nothing.
        samples: each side's trials; the first side is the endpoint, the others are what it is compared with.
    """

    date: str
    plan: Plan
    settings: Mapping[str, str]
    versions: Mapping[str, str]
    floor: Summary
    samples: Mapping[str, Sequence[Sample]]

    @property
    def summaries(self) -> dict[str, Summary]:
        """All trials of each side as one."""
        return {name: summarise(samples) for name, samples in self.samples.items()}

    @property
    def ratio(self) -> tuple[str, float] | None:
        """The fastest of the others, and its mean time by the endpoint's; None if nothing is compared."""
        (_, ours), *others = self.summaries.items()
        means = {name: summary.mean for name, summary in others if summary.answered}
        if not means or not ours.answered:
            return None
        best = min(means, key=means.__getitem__)
        return best, means[best] / ours.mean

    @property
    def title(self) -> str:
        """The outcome in one sentence."""
        (name, ours), *_ = self.summaries.items()
        if self.ratio is None:
            return f"{name}: {time(ours.mean)} a request"
        other, ratio = self.ratio
        if ratio >= 1:
            return f"{name} answers {ratio:.2f} × faster than {other}"
        return f"{name} answers {1 / ratio:.2f} × slower than {other}"

    @property
    def complaints(self) -> dict[str, str]:
        """What the first failure of each side said that had one, and said something."""
        texts = {
            name: next((sample.example for sample in samples if sample.example), "")
            for name, samples in self.samples.items()
        }
        return {name: text for name, text in texts.items() if text}

    @property
    def footer(self) -> list[str]:
        """How, where, and with which versions it was measured."""
        plan = self.plan
        clients = f"{plan.clients} client{'s' if plan.clients > 1 else ''}"
        pace = clients if plan.rate is None else f"{plan.rate:g} requests/s over {clients}"
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return [
            f"{plan.trials} trials of {plan.requests:,} requests a side, in turn; {pace}; "
            f"{self.settings['payload']}; endpoints {WAYS[self.settings['through']]}",
            f"{machine()}; {versions}; {self.date[:10]}",
        ]

    def to_json(self) -> str:
        """A JSON document; times are in microseconds."""
        document = {
            "format": FORMAT,
            "version": VERSION,
            "title": self.title,
            "date": self.date,
            "machine": machine(),
            "versions": self.versions,
            "settings": {**self.settings, **asdict(self.plan)},
            "generator_floor": _document(self.floor),
            "ratio": dict(zip(("to", "times"), self.ratio, strict=True)) if self.ratio else None,
            "sides": [
                {
                    "name": name,
                    **_document(summarise(samples)),
                    "first_failure": self.complaints.get(name),
                    "trial_means": [_number(sample.mean) for sample in samples],
                }
                for name, samples in self.samples.items()
            ],
        }
        return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def machine() -> str:
    """The processor and how many cores there are."""
    try:
        name = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        name = None
    return f"{name[1] if name else platform.machine()}, {os.cpu_count()} cores"


def time(microseconds: float) -> str:
    """Three digits and the unit that suits them."""
    if microseconds >= 999.5:
        return f"{microseconds / 1000:.3g} ms" if microseconds < 999_500 else f"{microseconds / 1e6:,.2f} s"
    return f"{microseconds:.3g} µs"


def _document(summary: Summary) -> dict[str, Any]:
    return {
        "mean": _number(summary.mean),
        **{f"p{percent:g}": _number(value) for percent, value in summary.percentiles.items()},
        "requests_per_second": round(summary.throughput, 1),
        "answered": summary.answered,
        "errors": summary.errors,
    }


def _number(value: float) -> float | None:
    return round(value, 3) if value == value else None
