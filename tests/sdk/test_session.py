"""Which server a session speaks to, and what it does when there is none."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import ironworks as iw
from ironworks.home import Home
from ironworks.sdk import connection
from ironworks.sdk.session import default_session
from ironworks.server.process import running
from tests.acceptance.installation import IRONWORKS, Installation


@pytest.fixture
def stopped_home() -> Iterator[Path]:
    """A home on which no server runs; one that is started is stopped at the end."""
    installation = Installation()
    yield installation.home
    subprocess.run([IRONWORKS, "down", "--all", "--home", installation.home], check=True, capture_output=True)
    shutil.rmtree(installation.home)


def test_a_server_is_started_where_none_runs_and_that_is_said_once(
    stopped_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session = iw.Session(home=stopped_home)
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert f"no server ran on {stopped_home}, so one was started at {session.url}" in said
    assert "to stop it: ironworks down" in said
    assert session.call("sagemaker", "list_models")["Models"] == []
    again = iw.Session(home=stopped_home)
    assert again.url == session.url
    assert capsys.readouterr().out == ""


def test_another_port_is_taken_if_the_usual_one_is_in_use(
    stopped_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setattr(connection, "DEFAULT_PORT", port)
        session = iw.Session(home=stopped_home)
    assert session.lives()
    assert not session.url.endswith(f":{port}")


def test_a_server_does_not_become_its_own_proxy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Started from a shell that `ironworks env` has set up for another home."""
    given: dict[str, str] = {}

    def start(home: Home, host: str, port: int, environ: Mapping[str, str]) -> None:
        given.update(environ)
        raise iw.IronworksError("not started")

    monkeypatch.setattr(connection, "start_in_background", start)
    monkeypatch.setenv("IRONWORKS_ENV", "HTTPS_PROXY")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:8750")
    monkeypatch.setenv("IRONWORKS_SAVED_HTTPS_PROXY", "http://company:3128")
    with pytest.raises(iw.IronworksError, match="not started"):
        iw.Session(home=tmp_path)
    assert given["HTTPS_PROXY"] == "http://company:3128"
    assert "IRONWORKS_ENV" not in given


def test_a_server_that_another_process_started_meanwhile_is_taken(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock of the home lets one of two servers start."""
    record = running(Home.from_environment({"IRONWORKS_HOME": str(installation.home)}))
    looks = iter([None, record])
    monkeypatch.setattr(connection, "running", lambda _: next(looks))
    assert record is not None
    assert iw.Session(home=installation.home).url == record.url


def test_an_installation_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(iw.IronworksError, match="cannot be made"):
        iw.Session(home=tmp_path / "file" / "home")


def test_the_environment_that_ironworks_env_prints_is_honoured(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in installation.client_environment.items():
        if name.startswith(("AWS_", "HTTPS_")):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("IRONWORKS_HOME", "/nowhere")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_REGION")
    session = iw.Session()
    assert (session.url, session.region) == (installation.client_environment["AWS_ENDPOINT_URL"], "eu-west-1")
    assert session.call("ironworks", "wait_for_change", ResourceArn=_job(session))["Status"]


def _job(session: iw.Session) -> str:
    """The ARN of an endpoint configuration's stand-in: a job that fails at once."""
    session.call(
        "sagemaker",
        "create_compilation_job",
        CompilationJobName="waited-for",
        RoleArn=session.role,
        InputConfig={"S3Uri": "s3://nowhere/model.tar.gz", "Framework": "ONNX"},
        OutputConfig={"S3OutputLocation": "s3://nowhere", "TargetDevice": "ml_c5"},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    return iw.CompilationJob("waited-for", session).arn


def test_nothing_of_the_environment_disturbs_a_home_that_is_named(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_PROFILE": "nobody",
        "AWS_ACCESS_KEY_ID": "AKIAWRONG",
        "AWS_SECRET_ACCESS_KEY": "wrong",
        "AWS_SESSION_TOKEN": "wrong",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "HTTP_PROXY": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)
    session = iw.Session(home=installation.home, region="eu-central-1")
    assert session.default_bucket() == f"sagemaker-eu-central-1-{session.account}"


def test_the_default_bucket_is_there_also_the_second_time(installation: Installation) -> None:
    for region in ("us-east-1", "us-west-2"):
        for _ in range(2):
            session = iw.Session(home=installation.home, region=region)
            session.call("s3", "head_bucket", Bucket=session.default_bucket())


def test_the_role_is_one_that_iam_knows(session: iw.Session) -> None:
    assert iw.get_execution_role(session) == session.role
    assert session.role.startswith(f"arn:aws:iam::{session.account}:role/")


def test_the_session_of_whoever_names_none_is_shared_while_its_server_lives(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IRONWORKS_HOME", str(installation.home))
    first = default_session()
    assert default_session() is first
    monkeypatch.setattr(type(first), "lives", lambda _: False)
    assert default_session() is not first
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert default_session().region == "eu-west-1"


def test_data_is_uploaded_as_the_sagemaker_sdk_does(session: iw.Session, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("1")
    uri = session.upload_data(tmp_path, key_prefix="mine/data")
    assert uri == f"s3://{session.default_bucket()}/mine/data/"
    fetched = session.download(f"{uri}a.txt", tmp_path / "b.txt")
    assert fetched.read_text() == "1"
    session.delete_objects(uri)
    with pytest.raises(iw.RequestRefused, match=r"mine/data/a.txt cannot be read"):
        session.download(f"{uri}a.txt", tmp_path / "c.txt")


def test_a_server_that_is_gone_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as once:
        port = once.getsockname()[1]
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "AKIA",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(
        iw.ServerUnreachable, match=rf"No server answers at http://127.0.0.1:{port} .* ironworks up"
    ):
        iw.Session().call("sts", "get_caller_identity")


def test_an_uploaded_file_must_be_there_and_its_bucket_too(session: iw.Session, tmp_path: Path) -> None:
    with pytest.raises(iw.ClientError, match="cannot be read"):
        session.upload(tmp_path / "none", f"s3://{session.default_bucket()}/x")
    (tmp_path / "some").touch()
    with pytest.raises(iw.ClientError, match="could not be uploaded to s3://no-such-bucket/x"):
        session.upload(tmp_path / "some", "s3://no-such-bucket/x")


def test_repr_says_where(session: iw.Session, installation: Installation) -> None:
    assert repr(session) == f"<Session {session.url}, region='us-west-2', home='{installation.home}'>"


def test_the_package_is_light_until_a_name_is_used() -> None:
    code = "import ironworks, sys; print([m for m in ('boto3', 'numpy', 'onnx', 'ironworks.sdk') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
