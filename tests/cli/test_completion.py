import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from ironworks.cli import app, completion
from tests.cli.platform import Platform, clean_environment


def completed(platform: Platform, words: str) -> list[str]:
    """What bash is offered for the last of the words."""
    environ = {
        **clean_environment(),
        "IRONWORKS_HOME": str(platform.home.path),
        "_IRONWORKS_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    script = Path(sys.executable).with_name("ironworks")
    ran = subprocess.run([script], env=environ, capture_output=True, text=True, check=True, timeout=60)
    assert ran.stderr == ""
    return ran.stdout.split()


def test_names_are_completed_by_what_a_command_takes(
    platform: Platform, trained: str, failed: str, endpoint: str
) -> None:
    assert completed(platform, f"ironworks job {trained[:2]}") == [trained]
    assert {trained, failed, endpoint} <= set(completed(platform, "ironworks logs "))
    assert endpoint in completed(platform, "ironworks rm ")
    assert completed(platform, f"ironworks endpoints {endpoint[:2]}") == [endpoint]
    assert completed(platform, f"ironworks invoke {endpoint[:2]}") == [endpoint]
    assert {trained, endpoint} <= set(completed(platform, "ironworks deploy "))
    assert trained in completed(platform, "ironworks compile --job ")


def test_names_of_a_home_and_a_region_that_were_given(
    platform: Platform, trained: str, tmp_path: Path
) -> None:
    assert completed(platform, f"ironworks job --home {tmp_path} {trained[:2]}") == []
    assert completed(platform, f"ironworks job --region eu-west-1 {trained[:2]}") == []


def test_what_is_named_already_is_not_offered_again(platform: Platform, trained: str, failed: str) -> None:
    command = typer.main.get_command(app)
    context = typer.Context(command)
    context.params = {"home": platform.home.path, "region": None, "names": [trained]}
    offered = completion.job_names(context, "")
    assert failed in offered and trained not in offered


def test_whatever_goes_wrong_nothing_is_said(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(completion, "_listed", broken)
    assert completion.endpoint_names(typer.Context(typer.main.get_command(app)), "") == []
    assert capsys.readouterr() == ("", "")


def test_completing_needs_no_boto3(platform: Platform, trained: str) -> None:
    """Which takes a third of a second to make a client."""
    source = (
        "import sys, typer\n"
        "from ironworks.cli import app, completion\n"
        "context = typer.Context(typer.main.get_command(app))\n"
        f"print(completion.job_names(context, {trained!r}), 'boto3' in sys.modules, 'numpy' in sys.modules)\n"
    )
    environ = {
        **clean_environment(),
        "IRONWORKS_HOME": str(platform.home.path),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    ran = subprocess.run(
        [sys.executable, "-c", source], env=environ, capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout == f"[{trained!r}] False False\n"
