"""Endpoints to measure, on a server of a test's own."""

from __future__ import annotations

import io
import tarfile
import time
from pathlib import Path

from ironworks.bench.access import Access
from tests.serving.compiled import write_compiled

BUCKET = "models"
ROLE = "arn:aws:iam::123456789012:role/test"


def put(access: Access, key: str, body: bytes) -> str:
    """The URI of an object, whose bucket is made when it is not there."""
    configuration = {"LocationConstraint": access.region}
    names = [bucket["Name"] for bucket in access.s3.list_buckets()["Buckets"]]
    if BUCKET not in names:
        access.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=configuration)
    access.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    return f"s3://{BUCKET}/{key}"


def packed(folder: Path) -> bytes:
    """A folder's files as .tar.gz."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, path.name)
    return stream.getvalue()


def small_model(folder: Path) -> bytes:
    """A compiled model of four numbers, as an archive."""
    folder.mkdir()
    write_compiled(folder)
    return packed(folder)


def deploy(access: Access, name: str, uri: str) -> None:
    """Bring an archive into service behind an endpoint."""
    create(access, name, uri)
    until(lambda: access.sagemaker.describe_endpoint(EndpointName=name), "EndpointStatus", "InService")


def create(access: Access, name: str, uri: str) -> None:
    """Make an endpoint of an archive, whatever comes of it."""
    client = access.sagemaker
    container = {"Image": "neo", "ModelDataUrl": uri}
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": name,
        "InitialInstanceCount": 1,
        "InstanceType": "ml.c5.large",
    }
    client.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
    client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    client.create_endpoint(EndpointName=name, EndpointConfigName=name)


def until(describe: object, member: str, wanted: str) -> dict:
    """What is described, when it has come to the state that is wanted."""
    deadline = time.monotonic() + 60
    while (found := describe())[member] != wanted:
        assert found[member] in ("Creating", "STARTING", "INPROGRESS"), found
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found
