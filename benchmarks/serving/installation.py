"""A server with an endpoint on it, in a home that is removed afterwards."""

from __future__ import annotations

import contextlib
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.session
from benchmarks.serving.pool import write_model

from ironworks.control import processes
from ironworks.home import Home
from ironworks.server import process
from ironworks.server.keys import Keys
from ironworks.server.protocols.model import MODELS

REGION = "us-west-2"
ENDPOINT = "benchmark"
ROLE = "arn:aws:iam::123456789012:role/r"


@dataclass
class Installation:
    """A home whose server runs."""

    home: Home
    url: str
    keys: Keys

    def client(self, service: str) -> Any:
        """A botocore client."""
        session = botocore.session.Session()
        session.get_component("data_loader").search_paths.append(str(MODELS))
        return session.create_client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id=self.keys.access_key_id,
            aws_secret_access_key=self.keys.secret_access_key,
        )

    def deploy(self, count: int = 1) -> None:
        """Bring `ENDPOINT` into service: the perceptron, on `count` instances."""
        with tempfile.TemporaryDirectory() as folder:
            write_model(Path(folder))
            archive = Path(folder, "model.tar.gz")
            with tarfile.open(archive, "w:gz") as tar:
                for name in ("model.onnx", "manifest.json"):
                    tar.add(Path(folder, name), name)
            s3 = self.client("s3")
            s3.create_bucket(Bucket="bench", CreateBucketConfiguration={"LocationConstraint": REGION})
            s3.put_object(Bucket="bench", Key="model.tar.gz", Body=archive.read_bytes())
        sagemaker = self.client("sagemaker")
        container = {"Image": "mxnet", "ModelDataUrl": "s3://bench/model.tar.gz"}
        sagemaker.create_model(ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer=container)
        self.configure("first", count)
        sagemaker.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName="first")
        self.wait()

    def configure(self, name: str, count: int) -> None:
        """An endpoint configuration with `count` instances of the model."""
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": "m",
            "InitialInstanceCount": count,
            "InstanceType": "ml.c5.large",
        }
        self.client("sagemaker").create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])

    def wait(self) -> None:
        """Until the endpoint is in service. (The first answer comes when the state is final.)"""
        described = self.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)
        if described["EndpointStatus"] != "InService" or "FailureReason" in described:
            raise SystemExit(f"The endpoint is not well: {described}")


@contextlib.contextmanager
def installation() -> Iterator[Installation]:
    """A new home with a server on a free port of the loopback; both are gone afterwards."""
    path = Path(tempfile.mkdtemp(prefix="iw-"))
    home = Home.from_environment({"IRONWORKS_HOME": str(path)})
    try:
        record = process.start_in_background(home, "127.0.0.1", 0)
        yield Installation(home, record.url, Keys.open(home.keys))
    finally:
        process.stop(home)
        processes.stop_all(home)
        shutil.rmtree(path)
