"""A model that is tried in a process of its own."""

from __future__ import annotations

import signal
import subprocess

import pytest

from ironworks.runtime import Manifest, Tensor, probe


@pytest.fixture
def manifest():
    tensor = Tensor("x", (1,), "float32")
    return Manifest("t", "x86_64", "none", "entry", (tensor,), (tensor,))


def test_an_engine_that_fails_says_why(manifest, tmp_path):
    assert "runs on the engine 'none'" in probe.survives(manifest, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_a_signal_ends_is_noticed(manifest, tmp_path, monkeypatch):
    real = subprocess.run

    def run(command, **options):
        return real([command[0], "-c", f"import os; os.kill(os.getpid(), {int(signal.SIGSEGV)})"], **options)

    monkeypatch.setattr(probe.subprocess, "run", run)
    assert probe.survives(manifest, tmp_path) == "it ended its process with signal 11"


def test_a_process_that_does_not_answer_is_ended(manifest, tmp_path, monkeypatch):
    real = subprocess.run
    seen = []

    def run(command, timeout, **options):
        seen.append(timeout)
        return real([command[0], "-c", "import time; time.sleep(60)"], timeout=0.1, **options)

    monkeypatch.setattr(probe.subprocess, "run", run)
    assert probe.survives(manifest, tmp_path) == f"it did not answer within {seen[0]} s"
    assert list(tmp_path.iterdir()) == []
