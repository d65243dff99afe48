"""Old names: they work, and say so once."""

from __future__ import annotations

import warnings

import pytest

from ironworks.sdk.legacy import LegacyName, legacy_names


@legacy_names({"train_count": "count"}, {"role": "there is one"})
def train(count: int = 1) -> int:
    """Counts."""
    return count


def test_an_old_name_is_taken_for_the_new_one_and_noted_once() -> None:
    with pytest.warns(
        LegacyName, match="train_count is of the SageMaker SDK: it is called count here."
    ) as noted:
        assert train(train_count=3) == 3
    assert noted[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert train(train_count=4) == 4


def test_what_is_not_needed_is_ignored_with_the_reason() -> None:
    with pytest.warns(LegacyName, match="role is of the SageMaker SDK: there is one."):
        assert train(role="me") == 1


def test_both_names_at_once_are_an_error() -> None:
    with pytest.raises(TypeError, match="both count and its old name train_count"):
        train(count=1, train_count=2)


def test_an_unknown_name_is_still_an_error() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'trian_count'"):
        train(trian_count=2)


def test_python_shows_the_notes_to_everybody() -> None:
    assert issubclass(LegacyName, FutureWarning)


def test_the_function_keeps_its_name_and_documentation() -> None:
    assert (train.__name__, train.__doc__) == ("train", "Counts.")
