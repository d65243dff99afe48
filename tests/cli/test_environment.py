import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ironworks.home import Home
from tests.cli.conftest import Run, installation

SHOW = f'"{sys.executable}" -c "import json, os; print(json.dumps(dict(os.environ)))"'


def inside(script: str, **environ: str) -> dict[str, str]:
    """The environment at the end of a bash script that may call `ironworks`."""
    function = f'ironworks() {{ "{sys.executable}" -m ironworks.cli "$@"; }}; set -e;'
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
    }
    ran = subprocess.run(
        ["bash", "-c", f"{function} {script}; {SHOW}"],
        env={**kept, **environ},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, str] = json.loads(ran.stdout)
    return {name: value for name, value in found.items() if name not in ("_", "SHLVL", "PWD", "OLDPWD")}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """An installation whose server runs."""
    with pytest.MonkeyPatch.context() as patch:
        yield from installation(tmp_path_factory.mktemp("installation"), patch, start=True)


@pytest.fixture(autouse=True)
def _installed(home: Home) -> None:
    """Every test has it."""


def test_one_line_is_all_that_boto3_needs(home: Home) -> None:
    ask = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    hard = ask.replace("'sts'", "'sts', endpoint_url='https://sts.us-west-2.amazonaws.com'")
    for question in (ask, hard):
        script = f'eval "$("{sys.executable}" -m ironworks.cli env)"; "{sys.executable}" -c "{question}"'
        ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
        assert ":assumed-role/" in ran.stdout


def test_a_shell_is_set_up_and_taken_back() -> None:
    own = {
        "AWS_PROFILE": "work",
        "HTTPS_PROXY": "http://corporate:3128",
        "NO_PROXY": "*",
        "ODD": "it's $HOME",
    }
    before = inside("true", **own)
    after = inside('eval "$(ironworks env)"', **own)
    assert "AWS_PROFILE" not in after
    assert after["AWS_ENDPOINT_URL"] == after["HTTPS_PROXY"]
    assert inside('eval "$(ironworks env)"; eval "$(ironworks env)"', **own) == after
    assert inside('eval "$(ironworks env)"; eval "$(ironworks env --unset)"', **own) == before


def test_the_users_own_roots_stay_trusted(home: Home, tmp_path: Path) -> None:
    roots = tmp_path / "company.pem"
    roots.write_text("-----BEGIN CERTIFICATE-----\ncompany\n-----END CERTIFICATE-----\n")
    after = inside('eval "$(ironworks env)"', SSL_CERT_FILE=str(roots))
    authority = (home.ca / "ca.pem").read_text()
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        assert Path(after[name]).read_text() == roots.read_text() + authority
    after = inside('eval "$(ironworks env)"', SSL_CERT_FILE="", AWS_CA_BUNDLE=str(roots))
    assert "company" in Path(after["AWS_CA_BUNDLE"]).read_text()
    assert after["REQUESTS_CA_BUNDLE"] == str(home.ca / "bundle.pem")


def test_roots_that_cannot_be_read_are_named(ironworks: Run) -> None:
    ran = ironworks("env", AWS_CA_BUNDLE="/no/such/file")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "/no/such/file cannot be read" in ran.stderr and "AWS_CA_BUNDLE" in ran.stderr


def test_the_sdk_is_told_not_to_call_home(tmp_path: Path) -> None:
    after = inside('eval "$(ironworks env)"', XDG_CONFIG_HOME=str(tmp_path))
    configuration = yaml.safe_load(Path(after["SAGEMAKER_USER_CONFIG_OVERRIDE"]).read_text())
    assert configuration == {
        "SchemaVersion": "1.0",
        "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
    }


def test_the_users_defaults_for_the_sdk_are_not_hidden(tmp_path: Path) -> None:
    (tmp_path / "sagemaker").mkdir()
    (tmp_path / "sagemaker" / "config.yaml").write_text("SchemaVersion: '1.0'\n")
    after = inside('eval "$(ironworks env)"', XDG_CONFIG_HOME=str(tmp_path))
    assert "SAGEMAKER_USER_CONFIG_OVERRIDE" not in after
    after = inside('eval "$(ironworks env)"', SAGEMAKER_USER_CONFIG_OVERRIDE="s3://mine/config.yaml")
    assert after["SAGEMAKER_USER_CONFIG_OVERRIDE"] == "s3://mine/config.yaml"


def test_without_a_server_nothing_is_there_to_evaluate(ironworks: Run, tmp_path: Path) -> None:
    ran = ironworks("env", "--home", str(tmp_path))
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "ironworks up" in ran.stderr and "Traceback" not in ran.stderr


def test_taking_back_needs_no_server(ironworks: Run, tmp_path: Path) -> None:
    ran = ironworks(
        "env", "--unset", "--home", str(tmp_path), IRONWORKS_ENV="AWS_REGION", AWS_REGION="us-west-2"
    )
    assert (ran.returncode, ran.stdout) == (0, "unset AWS_REGION;\nunset IRONWORKS_ENV;\n")


@pytest.mark.parametrize(
    ("shell", "start"), [("fish", "set -gx "), ("powershell", "${env:"), ("bash", "export ")]
)
def test_other_shells_have_their_form(ironworks: Run, shell: str, start: str) -> None:
    lines = ironworks("env", "--shell", shell).stdout.splitlines()
    assert lines and all(line.startswith(start) and line.endswith(";") for line in lines)


def test_it_starts_without_what_is_heavy() -> None:
    script = "import sys, ironworks.cli.environment, ironworks.server.process; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {"boto3", "botocore", "cryptography", "uvicorn", "sqlalchemy", "numpy", "onnx"}
    assert not heavy & set(loaded)
