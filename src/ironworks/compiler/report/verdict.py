"""Why the candidate in the artifact was chosen, in words."""

from __future__ import annotations

from math import inf

from ironworks.compiler.report.model import CandidateReport, Report


def ranked(report: Report) -> list[CandidateReport]:
    """The chosen candidate, the others from the fastest on, those that were not timed, those that were dropped."""
    return sorted(
        report.candidates,
        key=lambda item: (item.label != report.chosen, bool(item.dropped), item.microseconds or inf),
    )


def chosen(report: Report) -> CandidateReport | None:
    """The candidate in the artifact; None only in a report that names one that it does not list."""
    return next((item for item in report.candidates if item.label == report.chosen), None)


def next_best(report: Report) -> CandidateReport | None:
    """The fastest of the others that are equal to the original and were timed."""
    others = [item for item in ranked(report) if item.label != report.chosen]
    return next((item for item in others if item.microseconds and not item.dropped), None)


def reason(report: Report) -> str:
    """Why the chosen candidate won: a few sentences."""
    if report.precision.reason and report.precision.chosen != "f32":
        return f"{report.chosen} computes in {report.precision.chosen}. {_sentence(report.precision.reason)}"
    best, other = chosen(report), next_best(report)
    equal = [item for item in report.candidates if not item.dropped]
    dropped = len(report.candidates) - len(equal)
    if best is None or best.microseconds is None:
        sentences = [
            f"{report.chosen} is the first of the backends' candidates that is equal to the original. It was not "
            "timed, because it is for another machine."
        ]
    elif other and other.microseconds:
        factor = other.microseconds / best.microseconds
        sentences = [
            f"{report.chosen} is {'the faster' if len(equal) == 2 else 'the fastest'} of the {len(equal)} candidates "
            f"that are equal to the original: {microseconds(best.microseconds)} a call, "
            f"{times(factor)} as fast as the next best, {other.label} ({microseconds(other.microseconds)})."
        ]
    else:
        sentences = [
            f"{report.chosen} is the only candidate that is equal to the original: "
            f"{microseconds(best.microseconds)} a call."
        ]
    if best and best.microseconds and report.reference_microseconds:
        factor = report.reference_microseconds / best.microseconds
        sentences.append(
            f"The original, {report.reference}, takes {microseconds(report.reference_microseconds)}, "
            f"{times(factor)} as long."
        )
    if dropped:
        sentences.append(
            "1 candidate was dropped; the reason is given below."
            if dropped == 1
            else f"{dropped} candidates were dropped; the reasons are given below."
        )
    if report.precision.reason:
        sentences.append(_sentence(report.precision.reason))
    return " ".join(sentences)


def _sentence(text: str) -> str:
    """`text` with a capital letter and a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def microseconds(time: float) -> str:
    """`3.94 µs`, `39.4 µs`, `394 µs`, `3.94 ms`, `1.2 s`: three digits."""
    for size, unit in ((1e6, "s"), (1e3, "ms")):
        if time >= size:
            return f"{digits(time / size)} {unit}"
    return f"{digits(time)} µs"


def times(factor: float) -> str:
    """`3.6 times`."""
    return f"{digits(factor, 2)} times"


def digits(number: float, count: int = 3) -> str:
    """A positive number with `count` digits, or with all that stand before its point."""
    for decimals in range(count - 1, 0, -1):
        if number < 10 ** (count - decimals) - 0.5 * 10**-decimals:
            return f"{number:.{decimals}f}"
    return f"{number:,.0f}"
