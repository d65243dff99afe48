from pathlib import Path

import pytest
from typer.testing import CliRunner

from ironworks.cli import app, remove
from tests.cli.platform import Platform


@pytest.fixture
def deployed(platform: Platform, artifact: Path) -> str:
    assert platform("deploy", artifact, "--name", "short-lived").code == 0
    return "short-lived"


def test_an_endpoint_goes_with_its_configuration_and_its_model(platform: Platform, deployed: str) -> None:
    ran = platform("rm", deployed, "--yes", "--json")
    kinds = [(one["Kind"], one["Name"]) for one in ran.json["Deleted"]]
    assert kinds == [("endpoint", deployed), ("endpoint config", deployed), ("model", deployed)]
    assert platform("endpoints", deployed).code == 4
    assert platform("models", "--name", deployed, "--json").json == {"Models": []}


def test_what_is_freed_is_said(platform: Platform, deployed: str) -> None:
    lines = platform("rm", deployed, "--yes").out.splitlines()
    assert lines[0] == f"Deleted: endpoint {deployed} (1 instance ends)"


def test_one_kind_alone(platform: Platform, deployed: str) -> None:
    assert platform("rm", deployed, "--kind", "model", "--yes").out == f"Deleted: model {deployed}\n"
    assert platform("endpoints", deployed).code == 0
    assert platform("rm", deployed, "--yes").code == 0


def test_a_job_of_the_same_name_stays(platform: Platform, artifact: Path, trained: str) -> None:
    assert platform("deploy", artifact, "--name", trained).code == 0
    ran = platform("rm", trained, "--yes")
    assert f"Stays: the training job {trained}. See --kind." in ran.err
    assert platform("job", trained).code == 0


def test_nobody_is_asked_where_nobody_sits(platform: Platform, endpoint: str) -> None:
    ran = platform("rm", endpoint)
    assert ran.code == 2 and "give --yes" in ran.err
    assert platform("endpoints", endpoint).code == 0


@pytest.mark.parametrize("answer", ["y\n", "n\n"])
def test_whoever_sits_there_is_asked(
    platform: Platform, deployed: str, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr(remove, "_somebody_sits_there", lambda: True)
    ran = CliRunner().invoke(app, ["rm", deployed, "--home", str(platform.home.path)], input=answer)
    assert f"  endpoint {deployed} (1 instance ends)\n" in ran.stderr and "Go on?" in ran.stderr
    if answer == "y\n":
        assert ran.exit_code == 0 and platform("endpoints", deployed).code == 4
    else:
        assert ran.exit_code == 1 and platform("endpoints", deployed).code == 0
        assert platform("rm", deployed, "--yes").code == 0


@pytest.mark.parametrize("arguments", [[], ["name", "--all-endpoints"]])
def test_it_has_to_be_said_what_goes(platform: Platform, arguments: list[str]) -> None:
    assert platform("rm", *arguments, "--yes").code == 2


def test_nothing_goes_when_one_of_the_names_is_wrong(platform: Platform, deployed: str) -> None:
    assert platform("rm", deployed, "no-such-thing", "--yes").code == 4
    assert platform("endpoints", deployed).code == 0
    assert platform("rm", deployed, "--yes").code == 0


def test_all_endpoints_of_a_region(platform: Platform) -> None:
    ran = platform("rm", "--all-endpoints", "--yes", "--region", "eu-central-1")
    assert (ran.code, ran.err) == (0, "No endpoints.\n")
