"""From a checkpoint in the object store to the picture: the original behind Flask against the compiled model."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from ironworks.bench import flask
from ironworks.bench.access import Access
from ironworks.bench.connection import ask
from ironworks.bench.original import Original, find
from ironworks.bench.payload import digit, read
from ironworks.cli import app
from ironworks.control.processes import stop_all
from ironworks.errors import ClientError, PlatformError
from ironworks.home import Home
from ironworks.runtime import load
from ironworks.server.process import start_in_background, stop
from tests.bench.endpoints import ROLE, create, deploy, packed, put, small_model, until

CACHE = Path(os.environ.get("IRONWORKS_CACHE", Path(__file__).parents[2] / ".cache")).absolute()
MAKE = """
import sys, mxnet as mx
data = mx.sym.flatten(mx.sym.var("data"))
hidden = mx.sym.Activation(mx.sym.FullyConnected(data, num_hidden=16), act_type="relu")
graph = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(hidden, num_hidden=10), name="softmax")
module = mx.mod.Module(graph)
module.bind([("data", (1, 784))], [("softmax_label", (1,))])
module.init_params(mx.init.Uniform(0.5))
module.save_checkpoint(sys.argv[1] + "/model", 0)
"""


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter of Flask and MXNet, installed once into the cache."""
    return flask.prepare(CACHE / "environments", print)


@pytest.fixture(scope="module")
def checkpoint(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network of MXNet's with weights that nobody has trained."""
    folder = tmp_path_factory.mktemp("checkpoint")
    subprocess.run([python, "-c", MAKE, folder], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def installation() -> Iterator[Home]:
    """A home with a running server."""
    path = Path(tempfile.mkdtemp(prefix="iw-", dir="/tmp"))
    home = Home.from_environment(
        {"IRONWORKS_HOME": str(path), "IRONWORKS_ENVIRONMENTS": str(CACHE / "environments")}
    )
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("IRONWORKS", "AWS"))}
    start_in_background(home, "127.0.0.1", 0, environ={**environ, "IRONWORKS_HOME": str(path)})
    yield home
    stop(home)
    stop_all(home)
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def server(installation: Home, checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Access:
    """The checkpoint was compiled here; `digits` serves the artifact, packed anew as the SDK does."""
    access = Access.of(installation, {})
    artifact = compiled(access, put(access, "trained/model.tar.gz", packed(checkpoint)))
    folder = tmp_path_factory.mktemp("artifact")
    with tarfile.open(fileobj=io.BytesIO(artifact)) as tar:
        tar.extractall(folder, filter="data")
    (folder / "code").mkdir()
    deploy(access, "digits", put(access, "deployed/model.tar.gz", packed(folder)))
    return access


def compiled(access: Access, uri: str) -> bytes:
    """The artifact that a compilation job makes of a checkpoint."""
    access.sagemaker.create_compilation_job(
        CompilationJobName="compile",
        RoleArn=ROLE,
        InputConfig={"S3Uri": uri, "DataInputConfig": '{"data": [1, 784]}', "Framework": "MXNET"},
        OutputConfig={"S3OutputLocation": "s3://models/compiled", "TargetDevice": "ml_c5"},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    job = until(
        lambda: access.sagemaker.describe_compilation_job(CompilationJobName="compile"),
        "CompilationJobStatus",
        "COMPLETED",
    )
    bucket, key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").split("/", 1)
    return access.s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def test_the_original_is_found_by_the_job_that_compiled_it(
    server: Access, checkpoint: Path, tmp_path: Path
) -> None:
    original = find(server, "digits", None, tmp_path)
    assert original == Original(tmp_path / "original", "s3://models/trained/model.tar.gz", {"data": (1, 784)})
    symbol = "model-symbol.json"
    assert (original.folder / symbol).read_text() == (checkpoint / symbol).read_text()


def test_the_original_can_be_given(server: Access, checkpoint: Path, tmp_path: Path) -> None:
    assert find(server, "digits", str(checkpoint), tmp_path).folder == checkpoint
    (tmp_path / "given.tar.gz").write_bytes(packed(checkpoint))
    original = find(server, "digits", str(tmp_path / "given.tar.gz"), tmp_path)
    assert (original.folder / "model-0000.params").exists()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("none.tar.gz", "neither a file nor a folder"),
        ("s3://models/none", "cannot be found: .*Not Found"),
        ("s3://models/deployed/model.tar.gz", "is no MXNet checkpoint"),
    ],
)
def test_an_original_that_cannot_be_used_is_refused(
    server: Access, tmp_path: Path, source: str, message: str
) -> None:
    with pytest.raises(ClientError, match=message):
        find(server, "digits", source, tmp_path)


def test_a_model_that_no_job_made_has_no_original(server: Access, tmp_path: Path) -> None:
    deploy(server, "stranger", put(server, "small.tar.gz", small_model(tmp_path / "model")))
    with pytest.raises(ClientError, match="No compilation job of this server made the model .* --original"):
        find(server, "stranger", None, tmp_path)


def test_a_model_that_is_not_compiled_is_an_original_itself(server: Access, tmp_path: Path) -> None:
    create(server, "uncompiled", "s3://models/trained/model.tar.gz")
    with pytest.raises(ClientError, match="which is not compiled: .* --against ENDPOINT"):
        find(server, "uncompiled", None, tmp_path)


@pytest.mark.parametrize("kind", [flask.WERKZEUG, flask.GUNICORN])
def test_flask_answers_what_the_compiled_model_does(
    server: Access, python: Path, checkpoint: Path, tmp_path: Path, kind: str
) -> None:
    compiled_copy = tmp_path / "model.tar.gz"
    server.s3.download_file("models", "deployed/model.tar.gz", str(compiled_copy))
    (expected,) = load(compiled_copy).run(digit().astype("f4"))
    with flask.flask(kind, python, checkpoint, {"data": (1, 784)}, read("digit", None)) as (to, process):
        answer = ask(to, 10.0)
        family = [process, *process.children(recursive=True)]
    assert answer.status == 200
    np.testing.assert_allclose(json.loads(answer.body), expected[0], atol=1e-5)
    assert len(family) > 1 and not any(member.is_running() for member in family), "all of it has ended"


def test_a_flask_that_does_not_start_says_why(python: Path, tmp_path: Path) -> None:
    with (
        pytest.raises(PlatformError, match=r"Flask \(Werkzeug\) ended with exit code 1 .*IndexError"),
        flask.flask(flask.WERKZEUG, python, tmp_path, {"data": (1, 784)}, read("digit", None)),
    ):
        pass


def test_the_command_compares_an_endpoint_with_both(
    installation: Home, server: Access, tmp_path: Path
) -> None:
    picture = tmp_path / "latency.png"
    what = ["bench", "digits", "--against", "flask", "--through", "server"]
    how = ["--trials", "2", "--requests", "20", "--picture", str(picture), "--json", "-"]
    ran = CliRunner().invoke(
        app,
        [*what, *how, "--home", str(installation.path)],
        env={"IRONWORKS_ENVIRONMENTS": str(CACHE / "environments"), "AWS_REGION": server.region},
    )
    assert ran.exit_code == 0, f"{ran.output}{ran.exception}"
    document = json.loads(ran.stdout)
    assert [side["name"] for side in document["sides"]] == ["digits", flask.WERKZEUG, flask.GUNICORN]
    assert all(side["answered"] == 40 and not side["errors"] for side in document["sides"])
    assert document["versions"]["MXNet"] == "1.9.1" and document["ratio"]["to"].startswith("Flask")
    assert picture.exists()
