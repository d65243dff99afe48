"""Ironworks: a server on a home of its own, with one endpoint that serves the compiled model."""

from __future__ import annotations

import io
import shutil
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil
from benchmarks.compiler.environment import cache
from benchmarks.serving.peers.model import SCRIPT, Prepared
from benchmarks.serving.peers.serving import Peer, Serving

from ironworks import __version__
from ironworks.bench import endpoint
from ironworks.bench.access import Access
from ironworks.bench.connection import Destination
from ironworks.bench.payload import Payload
from ironworks.control.processes import stop_all
from ironworks.errors import PlatformError
from ironworks.home import Home
from ironworks.server import process

CODECS, HOOKS, SERVER = (
    "Ironworks, direct",
    "Ironworks, direct, notebook's hooks",
    "Ironworks, through the server",
)
_NAME, _BUCKET = "digits", "benchmark"
_ROLE = "arn:aws:iam::123456789012:role/benchmark"
_SECONDS = 30.0
_VERSIONS = {"Ironworks": __version__}

Way = Callable[[Access, str, Payload], Callable[[], Destination]]


def ours() -> list[Peer]:
    """Direct with the built-in codecs, direct with the notebook's hooks, and through the server."""
    direct, server = endpoint.directly, endpoint.through_server
    one = "1 instance"
    return [
        Peer("direct", CODECS, f"{one}, built-in codecs", partial(_serve, False, direct), versions=_VERSIONS),
        Peer(
            "hooks",
            HOOKS,
            f"{one}, neo_preprocess and neo_postprocess of mnist.py",
            partial(_serve, True, direct),
            payloads=("npy",),
            versions=_VERSIONS,
        ),
        Peer("server", SERVER, f"{one}, signed requests", partial(_serve, False, server), versions=_VERSIONS),
    ]


@contextmanager
def _serve(hooks: bool, way: Way, model: Prepared, kind: str) -> Iterator[Serving]:
    path = Path(tempfile.mkdtemp(prefix="iwb-", dir="/tmp"))
    home = Home.from_environment(
        {"IRONWORKS_HOME": str(path), "IRONWORKS_ENVIRONMENTS": str(cache() / "environments")}
    )
    home.create()
    try:
        record = process.start_in_background(home, "127.0.0.1", 0)
        access = Access.of(home, {})
        _deploy(access, model, hooks)
        pids = [record.pid] if way is endpoint.through_server else []
        destination = way(access, _NAME, model.payloads[kind])
        yield Serving(destination, lambda: _memory(home, pids))
    finally:
        process.stop(home)
        stop_all(home)
        shutil.rmtree(path)


def _deploy(access: Access, model: Prepared, hooks: bool) -> None:
    """Bring an endpoint into service."""
    access.s3.create_bucket(Bucket=_BUCKET, CreateBucketConfiguration={"LocationConstraint": access.region})
    access.s3.put_object(Bucket=_BUCKET, Key="model.tar.gz", Body=_packed(model.artifact, hooks))
    container = {
        "Image": "neo",
        "ModelDataUrl": f"s3://{_BUCKET}/model.tar.gz",
        "Environment": {"SAGEMAKER_PROGRAM": SCRIPT.name} if hooks else {},
    }
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": _NAME,
        "InitialInstanceCount": 1,
        "InstanceType": "ml.c5.large",
    }
    client = access.sagemaker
    client.create_model(ModelName=_NAME, ExecutionRoleArn=_ROLE, PrimaryContainer=container)
    client.create_endpoint_config(EndpointConfigName=_NAME, ProductionVariants=[variant])
    client.create_endpoint(EndpointName=_NAME, EndpointConfigName=_NAME)
    deadline = time.monotonic() + _SECONDS
    while (found := client.describe_endpoint(EndpointName=_NAME))["EndpointStatus"] != "InService":
        if found["EndpointStatus"] == "Failed" or time.monotonic() > deadline:
            raise PlatformError(f"The endpoint is {found['EndpointStatus']}: {found.get('FailureReason')}")
        time.sleep(0.05)


def _packed(artifact: Path, hooks: bool) -> bytes:
    """The artifact, as the SDK packs it with the script beside it if that is asked for."""
    if not hooks:
        return artifact.read_bytes()
    packed = io.BytesIO()
    with tarfile.open(artifact) as old, tarfile.open(fileobj=packed, mode="w:gz") as new:
        for member in old:
            new.addfile(member, old.extractfile(member))
        new.add(SCRIPT, f"code/{SCRIPT.name}")
    return packed.getvalue()


def _memory(home: Home, pids: list[int]) -> int:
    """Of the instances, and of the server if its process is given."""
    found = [psutil.Process(pid) for pid in pids]
    for candidate in psutil.process_iter(["cmdline"]):
        words = candidate.info["cmdline"] or []
        if "ironworks.serving" in words and any(str(home.path) in word for word in words):
            found.append(candidate)
    return sum(candidate.memory_info().rss for candidate in found)
