"""docs/sdk.md names all that the SDK offers."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import ironworks as iw
from ironworks.sdk import estimator

PAGE = (Path(__file__).parents[2] / "docs" / "sdk.md").read_text()
ELSEWHERE = ("Artifact", "CompiledModel", "__version__")
"""Of the compiler and the runtime."""


@pytest.mark.parametrize("name", [name for name in iw.__all__ if name not in ELSEWHERE])
def test_every_public_name_is_documented(name: str) -> None:
    assert name in PAGE


@pytest.mark.parametrize(
    "function", [iw.Estimator.__init__, iw.Model.compile, iw.Model.deploy, iw.Estimator.fit]
)
def test_every_argument_is_documented(function: object) -> None:
    names = list(inspect.signature(function).parameters)[1:]  # type: ignore[arg-type]
    assert [name for name in names if name not in PAGE] == []


@pytest.mark.parametrize("old", [*estimator._RENAMED, *estimator._IGNORED])
def test_every_old_name_is_documented(old: str) -> None:
    assert f"`{old}`" in PAGE
