from pathlib import Path

import pytest

from ironworks.datasets.mnist import Mnist
from ironworks.home import Home
from tests.cli.conftest import Run


def test_a_data_set_that_is_missing_says_how_to_get_it(ironworks: Run) -> None:
    ran = ironworks("datasets", "list")
    assert ran.returncode == 0
    assert "mnist  not here; get it: ironworks datasets fetch mnist" in ran.stdout


def test_an_unknown_data_set_is_named(ironworks: Run) -> None:
    ran = ironworks("datasets", "fetch", "imagenet")
    assert ran.returncode == 1
    assert ran.stderr == "Error: There is no data set 'imagenet'. Those that are there: mnist.\n"


def test_a_folder_without_the_files_is_one_clear_error(ironworks: Run, tmp_path: Path, home: Home) -> None:
    ran = ironworks("datasets", "fetch", "mnist", "--from", str(tmp_path))
    assert ran.returncode == 1
    assert "Error: " in ran.stderr and "Traceback" not in ran.stderr
    assert not Mnist(home.datasets).present()


def test_what_is_here_is_not_fetched_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from ironworks.cli import app

    monkeypatch.setattr(Mnist, "present", lambda _: True)
    assert "is here already" in CliRunner().invoke(app, ["datasets", "fetch", "mnist"]).output
    assert f"in {home.datasets}" in CliRunner().invoke(app, ["datasets", "list"]).output


def test_progress_is_shown_apart_from_the_result(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from ironworks.cli import app

    def fetch(_self: Mnist, source: Path | None, progress: object) -> None:
        assert callable(progress) and source == Path("files")
        progress(5, 10, "half of it")

    monkeypatch.setattr(Mnist, "fetch", fetch)
    ran = CliRunner().invoke(app, ["datasets", "fetch", "mnist", "--from", "files"])
    assert ran.stdout == f"mnist is in {home.datasets}.\n"
    assert "half of it" in ran.stderr and "50%" in ran.stderr
