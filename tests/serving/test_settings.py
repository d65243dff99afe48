from __future__ import annotations

import re
from pathlib import Path

import pytest

from ironworks.serving import settings
from ironworks.serving.errors import StartupError
from ironworks.serving.settings import Settings, limit_threads, take_settings


def test_nothing_said_is_the_default() -> None:
    assert take_settings({}) == Settings()
    assert take_settings({"SAGEMAKER_MODEL_SERVER_WORKERS": "", "SAGEMAKER_PROGRAM": ""}) == Settings()


def test_every_variable_is_read_and_the_token_is_taken_out() -> None:
    environment = {
        "SAGEMAKER_PROGRAM": "mnist.py",
        "SAGEMAKER_CONTAINER_LOG_LEVEL": "10",
        "SAGEMAKER_MODEL_SERVER_WORKERS": "2",
        "SAGEMAKER_MODEL_SERVER_TIMEOUT": "30",
        "IRONWORKS_MAX_PAYLOAD": "1000",
        "IRONWORKS_MAX_BATCH": "8",
        "IRONWORKS_MAX_DELAY_MS": "5",
        "IRONWORKS_DIRECT_TOKEN": "secret",
    }
    assert take_settings(environment) == Settings("mnist.py", 10, 2, 30, 1000, 8, 0.005, "secret")
    assert "IRONWORKS_DIRECT_TOKEN" not in environment


@pytest.mark.parametrize("value", ["two", "0", "-1", "65", "1.5", "²"])
def test_a_value_that_makes_no_sense_is_refused_by_name(value: str) -> None:
    with pytest.raises(
        StartupError, match=r"SAGEMAKER_MODEL_SERVER_WORKERS is .*: give a whole number from 1 to 64"
    ):
        take_settings({"SAGEMAKER_MODEL_SERVER_WORKERS": value})


@pytest.mark.parametrize(("workers", "threads"), [(1, 4), (2, 2), (3, 1), (64, 1)])
def test_workers_and_threads_together_are_no_more_than_the_cores(
    workers: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3})
    assert Settings(workers=workers).threads == threads


def test_threads_are_said_to_libraries_unless_the_user_has() -> None:
    environment = {"MKL_NUM_THREADS": "8"}
    limit_threads(environment, 2)
    assert (environment["OMP_NUM_THREADS"], environment["MKL_NUM_THREADS"]) == ("2", "8")


def test_every_variable_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "serving.md").read_text()
    source = Path(settings.__file__).read_text()
    names = set(re.findall(r'"([A-Z]+_[A-Z_]+)"', source))
    assert len(names) == 15
    assert {name for name in names if f"`{name}`" not in page} == set()
