"""Whether jobs are isolated."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ironworks.errors import PlatformError
from ironworks.training import sandbox


@pytest.fixture(autouse=True)
def fresh_probe() -> Iterator[None]:
    sandbox.probe.cache_clear()
    yield
    sandbox.probe.cache_clear()


def test_the_setting_switches_it_off() -> None:
    assert not sandbox.usable({"IRONWORKS_SANDBOX": "none"})


def test_another_setting_is_refused() -> None:
    with pytest.raises(PlatformError, match="'docker'"):
        sandbox.usable({"IRONWORKS_SANDBOX": "docker"})


def test_without_bubblewrap_jobs_are_not_isolated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert not sandbox.usable({})
    with pytest.raises(PlatformError, match="apt install bubblewrap"):
        sandbox.usable({"IRONWORKS_SANDBOX": "bubblewrap"})


def test_bubblewrap_that_may_not_make_namespaces_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox.Sandbox, "wrap", lambda *_: ["sh", "-c", "echo No permissions >&2; exit 1"])
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/bwrap")
    assert not sandbox.usable({})
    with pytest.raises(PlatformError, match="does not work on this machine: No permissions"):
        sandbox.usable({"IRONWORKS_SANDBOX": "bubblewrap"})
