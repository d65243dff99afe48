"""Endpoints change, and lose processes, while clients that never try again are at work on them."""

from __future__ import annotations

import http.client
import io
import json
import os
import tarfile
import tempfile
import threading
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from tests.acceptance.installation import Installation, eventually
from tests.acceptance.jobs import ROLE
from tests.serving.compiled import write_compiled

from ironworks.server.protocols.model import MODELS

BUCKET = "changing"
CLIENTS = 32
REQUESTS = int(os.environ.get("IRONWORKS_SOAK_REQUESTS", "3000"))
BODY = json.dumps([[1, 2, 3, 4]])
HOOKS = """
import time
time.sleep({seconds})
def neo_preprocess(payload, content_type):
    import json, numpy
    return numpy.array(json.loads(payload), "float32")
def neo_postprocess(result):
    return "{answer}", "text/plain"
"""


@pytest.fixture(scope="module")
def changing() -> Iterator[Installation]:
    """An installation whose server these tests may kill, with the models `one`, `two`, `slow` and `broken`."""
    changing = Installation()
    try:
        changing.up()
        changing.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
        )
        for name in ("one", "two"):
            create_model(changing, name, HOOKS.format(seconds=0, answer=name))
        create_model(changing, "slow", HOOKS.format(seconds=2, answer="slow"))
        create_model(changing, "broken", "import no_such_module_anywhere")
        yield changing
    finally:
        changing.remove()
    assert changing.processes() == []


def create_model(changing: Installation, name: str, module: str) -> None:
    """A model with a module of hooks, and an endpoint configuration of the same name with one instance of it."""
    changing.client("s3").put_object(Bucket=BUCKET, Key=f"{name}.tar.gz", Body=archive(module))
    sagemaker = changing.client("sagemaker")
    container = {"Image": "mxnet", "ModelDataUrl": f"s3://{BUCKET}/{name}.tar.gz"}
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": name,
        "InitialInstanceCount": 1,
        "InstanceType": "ml.c5.large",
    }
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])


def archive(module: str) -> bytes:
    packed = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=packed, mode="w:gz") as tar:
        write_compiled(Path(folder))
        code = Path(folder, "code", "inference.py")
        code.parent.mkdir()
        code.write_text(module)
        for path in sorted(Path(folder).iterdir()):
            tar.add(path, path.name)
    return packed.getvalue()


@pytest.fixture
def endpoint(changing: Installation) -> Iterator[str]:
    """The name of an endpoint that answers `one`."""
    sagemaker = changing.client("sagemaker")
    sagemaker.create_endpoint(EndpointName="changing", EndpointConfigName="one")
    settle(changing, "changing", "one")
    yield "changing"
    delete(changing, "changing")


def delete(changing: Installation, endpoint: str) -> None:
    """Delete an endpoint and wait until nothing of it is left."""
    sagemaker = changing.client("sagemaker")
    sagemaker.delete_endpoint(EndpointName=endpoint)
    eventually(lambda: not sagemaker.list_endpoints()["Endpoints"], f"{endpoint} is gone")
    assert not changing.processes("ironworks.serving")


def settle(changing: Installation, endpoint: str, config: str, count: int = 1) -> dict[str, Any]:
    """The description of the endpoint when it is in service with that configuration and count."""

    def look() -> dict[str, Any] | None:
        found = changing.client("sagemaker").describe_endpoint(EndpointName=endpoint)
        assert found["EndpointStatus"] != "Failed", found["FailureReason"]
        counts = [variant["CurrentInstanceCount"] for variant in found.get("ProductionVariants", ())]
        there = found["EndpointConfigName"] == config and counts == [count]
        return dict(found) if there and found["EndpointStatus"] == "InService" else None

    found = eventually(look, f"{endpoint} is in service with {config}, {count} instances")
    assert found is not None
    return found


class Traffic:
    """What clients of an endpoint were answered."""

    def __init__(self) -> None:
        self.answers: Counter[str] = Counter()
        self.failures: list[Exception] = []
        self.enough = threading.Event()

    def invoke(self, client: Any, endpoint: str) -> None:
        while not self.enough.is_set() or self.answers.total() < REQUESTS:
            try:
                answer = client.invoke_endpoint(
                    EndpointName=endpoint, ContentType="application/json", Body=BODY
                )
                self.answers[answer["Body"].read().decode()] += 1
            except Exception as error:
                self.failures.append(error)
                return


@contextmanager
def traffic(changing: Installation, endpoint: str) -> Iterator[Traffic]:
    """Clients that ask without a pause while the block runs, and until there have been `REQUESTS`."""
    found = Traffic()
    clients = [changing.client("sagemaker-runtime") for _ in range(CLIENTS)]
    threads = [threading.Thread(target=found.invoke, args=(client, endpoint)) for client in clients]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        found.enough.set()
        for thread in threads:
            thread.join()


def test_no_request_fails_through_an_update_a_kill_and_a_change_of_scale(
    changing: Installation, endpoint: str
) -> None:
    sagemaker = changing.client("sagemaker")

    def scale(count: int) -> None:
        desired = {"VariantName": "AllTraffic", "DesiredInstanceCount": count}
        sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=endpoint, DesiredWeightsAndCapacities=[desired]
        )
        settle(changing, endpoint, "two", count)

    with traffic(changing, endpoint) as found:
        eventually(lambda: found.answers["one"] > CLIENTS, "all clients are at work")
        sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName="two")
        settle(changing, endpoint, "two")
        eventually(lambda: found.answers["two"] > CLIENTS, "the new model answers")
        _kill_one(changing)
        settle(changing, endpoint, "two")
        scale(3)
        _kill_one(changing)
        settle(changing, endpoint, "two", 3)
        scale(1)
    assert found.failures == []
    assert found.answers.keys() == {"one", "two"}
    assert found.answers.total() >= REQUESTS


def _kill_one(changing: Installation) -> None:
    victim = changing.processes("ironworks.serving")[0]
    victim.kill()
    eventually(lambda: not victim.is_running() or victim.status() == psutil.STATUS_ZOMBIE, "it is dead")


def test_an_update_to_a_model_that_does_not_start_changes_nothing_and_says_why(
    changing: Installation, endpoint: str
) -> None:
    with traffic(changing, endpoint) as found:
        changing.client("sagemaker").update_endpoint(EndpointName=endpoint, EndpointConfigName="broken")
        described = settle(changing, endpoint, "one")
    assert "no_such_module_anywhere" in described["FailureReason"]
    assert found.failures == []
    assert found.answers.keys() == {"one"}


def test_an_update_goes_on_when_the_server_is_killed_in_the_middle(
    changing: Installation, endpoint: str
) -> None:
    changing.client("sagemaker").update_endpoint(EndpointName=endpoint, EndpointConfigName="slow")
    eventually(lambda: len(changing.processes("ironworks.serving")) == 2, "the new instance starts")
    changing.kill_server()
    changing.up()
    settle(changing, endpoint, "slow")
    runtime = changing.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="application/json", Body=BODY)
    assert answer["Body"].read() == b"slow"
    eventually(lambda: len(changing.processes("ironworks.serving")) == 1, "the old instance is gone")


def test_the_direct_address_answers_to_its_token_and_outlives_an_update(
    changing: Installation, endpoint: str
) -> None:
    session = boto3.session.Session()
    session._loader.search_paths.append(str(MODELS))
    exported = changing.client_environment
    client = session.client(
        "ironworks",
        endpoint_url=exported["AWS_ENDPOINT_URL"],
        aws_access_key_id=exported["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=exported["AWS_SECRET_ACCESS_KEY"],
        region_name="us-west-2",
    )
    access = client.describe_endpoint_access(EndpointName=endpoint)
    assert _post(access, access["Token"]) == (200, b"one")
    assert _post(access, "another")[0] == 401
    changing.client("sagemaker").update_endpoint(EndpointName=endpoint, EndpointConfigName="two")
    settle(changing, endpoint, "two")
    assert client.describe_endpoint_access(EndpointName=endpoint)["Variants"] == access["Variants"]
    eventually(lambda: _post(access, access["Token"]) == (200, b"two"), "the new model answers there")


def _post(access: dict[str, Any], token: str) -> tuple[int, bytes]:
    address = urllib.parse.urlsplit(access["Variants"][0]["Url"])
    connection = http.client.HTTPConnection(address.netloc, timeout=10)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection.request("POST", "/invocations", BODY, headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def test_an_endpoint_can_be_deleted_in_the_middle_of_an_update(changing: Installation) -> None:
    sagemaker = changing.client("sagemaker")
    sagemaker.create_endpoint(EndpointName="brief", EndpointConfigName="one")
    settle(changing, "brief", "one")
    sagemaker.update_endpoint(EndpointName="brief", EndpointConfigName="slow")
    eventually(lambda: len(changing.processes("ironworks.serving")) == 2, "the new instance starts")
    delete(changing, "brief")
