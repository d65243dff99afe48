import json
from collections.abc import Iterator

import boto3
import pytest
from typer.testing import CliRunner, Result

from ironworks.cli import app
from ironworks.cli.status import _states
from ironworks.errors import PlatformError
from ironworks.home import Home
from ironworks.server.process import running
from tests.cli.conftest import Run, installation
from tests.server.running import wait_for


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with pytest.MonkeyPatch.context() as patch:
        yield from installation(tmp_path_factory.mktemp("installation"), patch, start=True)


def status(home: Home, *options: str) -> Result:
    return CliRunner().invoke(app, ["status", "--home", str(home.path), *options])


def test_a_running_server_is_described(server: Home) -> None:
    record = running(server)
    assert record is not None
    text = status(server)
    assert text.exit_code == 0 and record.url in text.output
    facts = json.loads(status(server, "--json").output)
    assert facts["running"] is True
    assert (facts["url"], facts["pid"], facts["home"]) == (record.url, record.pid, str(server.path))
    assert facts["memory_bytes"] > 10_000_000 and facts["uptime_seconds"] > 0
    assert (facts["training jobs"], facts["compilation jobs"], facts["endpoints"]) == ({}, {}, {})


def test_resources_are_counted_by_state_through_the_wire(
    server: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, keys = running(server), json.loads(server.keys.read_text())
    assert record is not None
    client = boto3.client(
        "sagemaker",
        region_name="us-west-2",
        endpoint_url=record.url,
        aws_access_key_id=keys["access_key_id"],
        aws_secret_access_key=keys["secret_access_key"],
    )
    client.create_compilation_job(
        CompilationJobName="job",
        RoleArn=f"arn:aws:iam::{keys['account']}:role/IronworksExecutionRole",
        InputConfig={
            "S3Uri": "s3://none/model.tar.gz",
            "DataInputConfig": '{"data": [1, 784]}',
            "Framework": "MXNET",
        },
        OutputConfig={"S3OutputLocation": "s3://none/", "TargetDevice": "ml_c5"},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    wait_for(
        lambda: client.describe_compilation_job(CompilationJobName="job")["CompilationJobStatus"] == "FAILED"
    )
    client.close()
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # of no interest to status
    monkeypatch.setenv("NO_PROXY", "")
    facts = json.loads(status(server, "--json").output)
    assert facts["compilation jobs"] == {"FAILED": 1}


def test_no_server_has_its_own_exit_code(ironworks: Run, home: Home) -> None:
    ran = ironworks("status")
    assert ran.returncode == 3
    assert "ironworks up" in ran.stdout
    assert json.loads(ironworks("status", "--json").stdout) == {"running": False, "home": str(home.path)}


def test_a_server_that_does_not_answer_is_an_error(server: Home) -> None:
    before = server.keys.read_text()
    server.keys.write_text(json.dumps({**json.loads(before), "secret_access_key": "wrong"}))
    try:
        error = status(server).exception
    finally:
        server.keys.write_text(before)
    assert isinstance(error, PlatformError)
    assert "does not answer as it should" in str(error) and str(server.server_log) in str(error)


def test_a_count_that_was_cut_says_so() -> None:
    assert _states({"Failed": 1, "Completed": 2}) == "2 Completed, 1 Failed"
    assert _states({"Completed": 1000}) == "1000 Completed (the newest 1000)"
