"""Filter patterns of CloudWatch Logs."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironworks.server.services.filter_pattern import FilterPattern, InvalidPattern


@pytest.mark.parametrize(
    ("pattern", "message", "expected"),
    [
        ("", "anything", True),
        ("ERROR", "an ERROR here", True),
        ("ERROR", "an error here", False),
        ("ERROR disk", "disk ERROR", True),
        ("ERROR disk", "ERROR", False),
        ("?ERROR ?WARN", "WARN", True),
        ("?ERROR ?WARN", "INFO", False),
        ("ERROR -disk", "ERROR disk", False),
        ('"two words"', "with two words", True),
        ('"two words"', "two other words", False),
        (r'"a \"quote\""', 'has a "quote"', True),
    ],
)
def test_terms(pattern: str, message: str, expected: bool) -> None:
    assert FilterPattern.parse(pattern).matches(message) is expected


@pytest.mark.parametrize("pattern", ["{ $.a = 1 }", "[a, b]", "%re%", '"open'])
def test_other_kinds_are_refused(pattern: str) -> None:
    with pytest.raises(InvalidPattern):
        FilterPattern.parse(pattern)


@given(st.text())
def test_any_text_is_a_pattern_or_refused(pattern: str) -> None:
    with contextlib.suppress(InvalidPattern):
        FilterPattern.parse(pattern).matches("x")
