import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError as ErrorAnswer
from botocore.exceptions import EndpointConnectionError

from ironworks.cli.failures import Misuse, NotFound, NotRunning, explained
from ironworks.errors import PlatformError
from tests.cli.platform import Platform, run


@pytest.mark.parametrize(
    ("error", "message", "code"),
    [
        (PlatformError("it broke"), "it broke", 1),
        (Misuse("not so"), "not so", 2),
        (NotRunning("none runs"), "none runs", 3),
        (NotFound("none is there"), "none is there", 4),
        (ErrorAnswer({"Error": {"Code": "ResourceInUse", "Message": "It runs."}}, "Op"), "It runs.", 1),
    ],
)
def test_errors_that_are_foreseen_have_a_message_and_a_code(
    error: Exception, message: str, code: int
) -> None:
    assert explained(error) == (message, code)


def test_a_server_that_does_not_answer_points_to_its_status() -> None:
    found = explained(EndpointConnectionError(endpoint_url="http://127.0.0.1:1"))
    assert found is not None and "ironworks status" in found[0] and found[1] == 1


def test_any_other_error_is_a_bug_and_keeps_its_traceback() -> None:
    assert explained(RuntimeError("bug")) is None


@pytest.mark.parametrize(
    "command",
    [
        ["jobs"],
        ["job", "x"],
        ["stop", "x"],
        ["models"],
        ["endpoints"],
        ["endpoints", "x"],
        ["logs", "x"],
        ["rm", "x", "--yes"],
        ["invoke", "x", "--file", "-"],
        ["deploy", "x"],
        ["compile", "--job", "x"],
        ["train", "x.py"],
    ],
)
def test_without_a_server_the_code_is_3_and_nothing_is_made(command: list[str], tmp_path: Path) -> None:
    ran = run(*command, "--home", tmp_path / "home")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err == f"Error: No server runs on {tmp_path / 'home'}. Start it: ironworks up\n"
    assert not (tmp_path / "home").exists()


def test_a_command_that_is_mistyped_is_a_usage_error() -> None:
    ran = run("job")
    assert ran.code == 2 and "Missing argument" in ran.err
    assert "Did you mean" in run("endpoint").err


def test_the_users_own_configuration_for_aws_is_of_no_interest(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("[default]\nregion = ap-south-1\nendpoint_url = http://127.0.0.1:9\n")
    for name, value in {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_PROFILE": "nobody",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    ran = platform("jobs", "--json")
    assert ran.code == 0, ran.err


def test_a_reader_that_has_seen_enough_is_no_traceback(platform: Platform, trained: str) -> None:
    command = f"{sys.executable} -m ironworks.cli logs {trained} --home {platform.home.path} | head -n 1"
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == "step 0 loss=1.00\n" and "Traceback" not in ran.stderr


def test_a_name_for_a_compilation_job_needs_a_job(tmp_path: Path) -> None:
    ran = run("compile", tmp_path, "--name", "fast")
    assert ran.code == 2
    assert (
        ran.err
        == "Error: --name is that of a compilation job, so it goes with --job. The artifact's name is --output's.\n"
    )
