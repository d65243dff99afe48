"""Environments are made once, whole, and by one process at a time."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import sys
import threading
from pathlib import Path

import psutil
import pytest

from ironworks.errors import ClientError, PlatformError
from ironworks.training import Environments
from ironworks.training.environments import Environment
from ironworks.training.recipes import Recipe, recipe

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environments:
    """The `python` recipe, without anything to fetch, and with the system's pip: to unpack another takes seconds."""
    venv = ("-I", "-m", "venv", "--clear", "--without-pip", "--system-site-packages")
    monkeypatch.setattr("ironworks.training.environments._VENV", venv)
    monkeypatch.setattr("ironworks.training.recipes._INSTALLERS", ("pip",))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    real = recipe

    def offline(framework: str, version: str) -> Recipe:
        return dataclasses.replace(real(framework, version), check="import pip")

    monkeypatch.setattr("ironworks.training.environments.recipe", offline)
    return Environments(tmp_path / "environments")


def test_an_environment_is_made_once_and_found_again(environments: Environments) -> None:
    lines: list[str] = []
    assert environments.find("python", "3") is None
    made = environments.prepare("python", "3", lines.append)
    assert lines[0].startswith(f"Preparing the Python {HERE} environment … (about ")
    assert any("already satisfied: pip" in line for line in lines)
    assert made.description == f"Python {HERE} on Python {HERE}"
    assert Environment.of(made.python).version == HERE
    lines.clear()
    assert environments.prepare("python", "3", lines.append) == made == environments.find("python", "3")
    assert lines == []


def test_the_half_of_a_build_is_made_anew(environments: Environments) -> None:
    half = environments.directory / f"python-{HERE}-python{HERE}"
    (half / "bin").mkdir(parents=True)
    (half / "left").touch()
    assert environments.find("python", HERE) is None
    environments.prepare("python", HERE, lambda line: None)
    assert not (half / "left").exists()


@pytest.mark.parametrize("change", [{"requirements": ["other"]}, {"python": "/absent"}])
def test_an_environment_that_no_longer_fits_is_not_used(
    environments: Environments, change: dict[str, object]
) -> None:
    folder = environments.directory / f"python-{HERE}-python{HERE}"
    folder.mkdir(parents=True)
    record = {
        "requirements": ["pip"], "python": sys.executable, "description": "Python", "version": HERE,
        "site_packages": "/", "base": "/", "base_python": sys.executable,
    }  # fmt: skip
    (folder / "ironworks-environment.json").write_text(json.dumps(record))
    assert environments.find("python", HERE) is not None
    (folder / "ironworks-environment.json").write_text(json.dumps(record | change))
    assert environments.find("python", HERE) is None


def test_a_failing_pip_is_reported_with_its_reason(
    environments: Environments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ironworks.training.recipes._INSTALLERS", ("./absent-1.0-py3-none-any.whl",))
    lines: list[str] = []
    with pytest.raises(PlatformError, match=r"could not be prepared.*absent-1\.0.*try again"):
        environments.prepare("python", "", lines.append)
    assert any("absent-1.0" in line for line in lines)
    assert environments.find("python", "") is None


def test_a_log_that_raises_breaks_the_build_off(environments: Environments) -> None:
    def log(line: str) -> None:
        if "pip" in line:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        environments.prepare("python", "", log)
    assert environments.find("python", "") is None


def test_a_second_process_waits_for_the_first(environments: Environments) -> None:
    environments.directory.mkdir()
    waiting = threading.Event()
    lines: list[str] = []

    def log(line: str) -> None:
        lines.append(line)
        waiting.set()

    with (environments.directory / f".python-{HERE}-python{HERE}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        thread = threading.Thread(target=environments.prepare, args=("python", "", log))
        thread.start()
        assert waiting.wait(10)
        assert lines[0].startswith("Waiting for another process that prepares")
    thread.join()
    assert environments.find("python", "") is not None


def test_another_version_is_served_with_a_note() -> None:
    assert recipe("mxnet", "1.4.1").version == "1.9.1"
    assert "MXNet 1.4.1 was asked for; MXNet 1.9.1 serves" in recipe("mxnet", "1.4.1").note
    assert recipe("mxnet", "1.9.1").note == ""


@pytest.mark.parametrize(
    ("framework", "version"), [("caffe", "1"), ("mxnet", "2.0"), ("python", "2.7"), ("python", "3.6")]
)
def test_what_nothing_serves_is_refused(framework: str, version: str) -> None:
    with pytest.raises(ClientError, match=r"mxnet, python|1\.x version|Python 3\.8 or later"):
        Environments(Path("/nonexistent")).find(framework, version)


def test_a_missing_interpreter_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "python3.99").write_text("#!/bin/sh\nexit 127\n")  # as a version switch's stand-in does
    (tmp_path / "python3.99").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PlatformError, match=r"needs Python 3\.99, and none is on PATH"):
        Environments(tmp_path / "e").prepare("python", "3.99", lambda line: None)


def test_a_check_that_raises_breaks_a_silent_build_off(
    environments: Environments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ironworks.training.environments._VENV", ("-c", "import time; time.sleep(60)"))
    checks = iter([None, None])

    def check() -> None:
        if next(checks, InterruptedError) is not None:
            raise InterruptedError

    before = psutil.Process().children()
    with pytest.raises(InterruptedError):
        environments.prepare("python", "", lambda line: None, check)
    assert set(psutil.Process().children()) <= set(before)


def test_a_check_that_raises_breaks_waiting_for_another_build_off(environments: Environments) -> None:
    environments.directory.mkdir()

    def check() -> None:
        raise InterruptedError

    with (environments.directory / f".python-{HERE}-python{HERE}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(InterruptedError):
            environments.prepare("python", "", lambda line: None, check)
